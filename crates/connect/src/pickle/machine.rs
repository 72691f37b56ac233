//! The stack machine: opcodes enter one by one, the value under `STOP` leaves.

mod arguments;

use std::collections::HashMap;
use std::sync::Arc;

use super::opcode::{Opcode, decode};
use super::{PickleError, PickleProblem, Value};
use arguments::{long, number, unescape};

/// Deepest nesting: the original's files need 3.
const DEEPEST: usize = 32;
/// Most values of a pickle: some hundred megabytes of them.
const MOST_VALUES: usize = 8_000_000;

/// Reads one pickle, which must take up all of `bytes`.
///
/// # Errors
/// [`PickleError`] at the first opcode that is damaged or that would build anything but plain data.
pub fn read(bytes: &[u8]) -> Result<Value, PickleError> {
    let mut machine = Machine { bytes, position: 0, stack: Vec::new(), memo: HashMap::new(), values: 0 };
    loop {
        let offset = machine.position;
        match machine.step() {
            Ok(None) => {}
            Ok(Some(value)) => return Ok(value),
            Err(problem) => return Err(PickleError { offset, problem }),
        }
    }
}

/// A value on the stack with the depth of what it holds; no value is a mark.
type Entry = Option<(Value, usize)>;

struct Machine<'a> {
    bytes: &'a [u8],
    position: usize,
    stack: Vec<Entry>,
    /// What may be used again: text and numbers. Of containers only the kind is remembered.
    memo: HashMap<u64, Result<Value, &'static str>>,
    values: usize,
}

type Step<T> = Result<T, PickleProblem>;

impl Machine<'_> {
    /// Carries out one opcode; the result at `STOP`.
    fn step(&mut self) -> Step<Option<Value>> {
        let byte = *self.bytes.get(self.position).ok_or(PickleProblem::NoStop)?;
        let (name, opcode) = decode(byte)?;
        self.position += 1;
        match opcode {
            Opcode::Stop => return self.stop(name).map(Some),
            Opcode::Proto => {
                let version = self.unsigned(name, 1)?;
                if !(2..=5).contains(&version) {
                    return Err(argument(name, format!("protocol is {version}: expected 2 to 5")));
                }
            }
            // Frames only say how much to read ahead: the opcodes in them stand for themselves.
            Opcode::Frame => {
                let length = self.unsigned(name, 8)?;
                self.check_left(name, length)?;
            }
            Opcode::Mark => self.push_entry(None)?,
            Opcode::PutLine | Opcode::BinPut { .. } | Opcode::Memoize => self.put(name, opcode)?,
            Opcode::GetLine | Opcode::BinGet { .. } => self.get(name, opcode)?,
            Opcode::Append | Opcode::Appends | Opcode::SetItem | Opcode::SetItems => self.fill(name, opcode)?,
            Opcode::List | Opcode::Tuple | Opcode::TupleOf(_) | Opcode::Dict => self.gather(name, opcode)?,
            _ => {
                let value = self.scalar(name, opcode)?;
                self.push(value, 0)?;
            }
        }
        Ok(None)
    }

    fn stop(&mut self, name: &'static str) -> Step<Value> {
        let (value, _) = self.pop(name)?;
        if !self.stack.is_empty() {
            return Err(stack(name, "more than one value is on the stack: expected one"));
        }
        match self.bytes.len() - self.position {
            0 => Ok(value),
            left => Err(PickleProblem::Trailing(left)),
        }
    }

    /// The value of an opcode that needs nothing of the stack.
    fn scalar(&mut self, name: &'static str, opcode: Opcode) -> Step<Value> {
        Ok(match opcode {
            Opcode::True => Value::Bool(true),
            Opcode::False => Value::Bool(false),
            Opcode::EmptyList => Value::List(Vec::new()),
            Opcode::EmptyTuple => Value::Tuple(Vec::new()),
            Opcode::EmptyDict => Value::Dict(Vec::new()),
            Opcode::BinInt { bytes: 4, signed: true } => {
                let [a, b, c, d] = self.array(name)?;
                Value::Int(i64::from(i32::from_le_bytes([a, b, c, d])))
            }
            Opcode::BinInt { bytes, .. } => Value::Int(i64::try_from(self.unsigned(name, bytes)?).unwrap_or_default()),
            Opcode::Long1 => {
                let length = self.unsigned(name, 1)?;
                Value::Int(long(name, self.take(name, length)?)?)
            }
            Opcode::IntLine => match self.line(name)? {
                // Protocol 0 has no opcodes for booleans.
                "00" => Value::Bool(false),
                "01" => Value::Bool(true),
                line => Value::Int(number(name, line)?),
            },
            Opcode::LongLine => {
                let line = self.line(name)?;
                Value::Int(number(name, line.strip_suffix('L').unwrap_or(line))?)
            }
            Opcode::FloatLine => Value::Float(number(name, self.line(name)?)?),
            Opcode::BinFloat => Value::Float(f64::from_be_bytes(self.array(name)?)),
            Opcode::UnicodeLine => Value::Text(unescape(name, self.line_of(name, usize::MAX)?)?.into()),
            Opcode::BinText { bytes } => {
                let length = self.unsigned(name, bytes)?;
                let text = std::str::from_utf8(self.take(name, length)?);
                Value::Text(Arc::from(text.map_err(|_| argument(name, "found bytes that are not UTF-8".into()))?))
            }
            _ => Value::None,
        })
    }

    fn put(&mut self, name: &'static str, opcode: Opcode) -> Step<()> {
        let index = match opcode {
            Opcode::BinPut { bytes } => self.unsigned(name, bytes)?,
            Opcode::PutLine => number(name, self.line(name)?)?,
            _ => self.memo.len() as u64,
        };
        let Some(Some((value, _))) = self.stack.last() else {
            return Err(stack(name, "no value is on the stack: expected one to remember"));
        };
        let remembered = if value.is_scalar() { Ok(value.clone()) } else { Err(value.kind()) };
        self.memo.insert(index, remembered);
        Ok(())
    }

    fn get(&mut self, name: &'static str, opcode: Opcode) -> Step<()> {
        let index = match opcode {
            Opcode::BinGet { bytes } => self.unsigned(name, bytes)?,
            _ => number(name, self.line(name)?)?,
        };
        match self.memo.get(&index).cloned() {
            Some(Ok(value)) => self.push(value, 0),
            Some(Err(kind)) => Err(PickleProblem::Shared { name, kind }),
            None => Err(argument(name, format!("nothing was remembered as {index}"))),
        }
    }

    /// Adds values to the list or dict below them.
    fn fill(&mut self, name: &'static str, opcode: Opcode) -> Step<()> {
        let values = match opcode {
            Opcode::Append => self.topmost(name, 1)?,
            Opcode::SetItem => self.topmost(name, 2)?,
            _ => self.above_mark(name)?,
        };
        let deepest = depth(&values)?;
        let into_list = matches!(opcode, Opcode::Append | Opcode::Appends);
        match self.stack.last_mut() {
            Some(Some((Value::List(list), depth))) if into_list => {
                list.extend(values.into_iter().map(|(value, _)| value));
                *depth = (*depth).max(deepest);
            }
            Some(Some((Value::Dict(dict), depth))) if !into_list => {
                dict.extend(pairs(name, values)?);
                *depth = (*depth).max(deepest);
            }
            _ if into_list => return Err(stack(name, "no list is below the values")),
            _ => return Err(stack(name, "no dict is below the values")),
        }
        Ok(())
    }

    /// Makes a container of the values above the mark, or of the topmost ones.
    fn gather(&mut self, name: &'static str, opcode: Opcode) -> Step<()> {
        let values = match opcode {
            Opcode::TupleOf(count) => self.topmost(name, count)?,
            _ => self.above_mark(name)?,
        };
        let depth = depth(&values)?;
        let container = match opcode {
            Opcode::Dict => Value::Dict(pairs(name, values)?),
            Opcode::List => Value::List(values.into_iter().map(|(value, _)| value).collect()),
            _ => Value::Tuple(values.into_iter().map(|(value, _)| value).collect()),
        };
        self.push(container, depth)
    }

    fn push(&mut self, value: Value, depth: usize) -> Step<()> {
        self.push_entry(Some((value, depth)))
    }

    fn push_entry(&mut self, entry: Entry) -> Step<()> {
        self.values += 1;
        if self.values > MOST_VALUES {
            return Err(PickleProblem::TooManyValues(MOST_VALUES));
        }
        self.stack.push(entry);
        Ok(())
    }

    fn pop(&mut self, name: &'static str) -> Step<(Value, usize)> {
        match self.stack.pop() {
            Some(Some(entry)) => Ok(entry),
            Some(None) => Err(stack(name, "a mark is on the stack: expected a value")),
            None => Err(stack(name, "the stack is empty: expected a value")),
        }
    }

    fn topmost(&mut self, name: &'static str, count: usize) -> Step<Vec<(Value, usize)>> {
        let mut values = Vec::with_capacity(count);
        for _ in 0..count {
            values.push(self.pop(name)?);
        }
        values.reverse();
        Ok(values)
    }

    fn above_mark(&mut self, name: &'static str) -> Step<Vec<(Value, usize)>> {
        let mark =
            self.stack.iter().rposition(Option::is_none).ok_or_else(|| stack(name, "no mark is on the stack"))?;
        let values = self.stack.drain(mark..).flatten().collect();
        Ok(values)
    }
}

fn argument(name: &'static str, problem: String) -> PickleProblem {
    PickleProblem::Argument { name, problem }
}

fn stack(name: &'static str, problem: &'static str) -> PickleProblem {
    PickleProblem::Stack { name, problem }
}

/// Depth of a container of these values.
fn depth(values: &[(Value, usize)]) -> Step<usize> {
    let deepest = values.iter().map(|(value, depth)| depth + usize::from(!value.is_scalar())).max().unwrap_or(0);
    if deepest >= DEEPEST { Err(PickleProblem::Nested(DEEPEST)) } else { Ok(deepest) }
}

fn pairs(name: &'static str, values: Vec<(Value, usize)>) -> Step<Vec<(Value, Value)>> {
    if !values.len().is_multiple_of(2) {
        return Err(stack(name, "a key has no value: expected them in pairs"));
    }
    let mut values = values.into_iter().map(|(value, _)| value);
    let mut pairs = Vec::with_capacity(values.len() / 2);
    while let (Some(key), Some(value)) = (values.next(), values.next()) {
        if !key.is_scalar() {
            return Err(PickleProblem::Stack { name, problem: "a key is a container: expected text or a number" });
        }
        pairs.push((key, value));
    }
    Ok(pairs)
}
