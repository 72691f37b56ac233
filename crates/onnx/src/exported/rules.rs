//! How large the results of an operator are: a node and the sizes of its inputs enter, the sizes of its outputs leave.
//! The rules are those of operator set 17, for the forms that the exporter writes.

use super::value::{Shape, Size, Value};
use crate::builder::FLOAT;
use crate::proto::NodeProto;

/// Most dimensions of a tensor.
const MOST_DIMENSIONS: usize = 8;

/// What a node computes.
pub(super) struct Outcome {
    pub(super) values: Vec<Value>,
    /// Multiplications of its matrix product.
    pub(super) products: u64,
}

/// The outputs of a standard operator, but `Constant` and `Scan`.
///
/// # Errors
/// Why the inputs do not fit.
pub(super) fn apply(node: &NodeProto, inputs: &[&Value]) -> Result<Outcome, String> {
    let input = |number: usize| inputs.get(number).copied().ok_or_else(|| "has too few inputs".to_owned());
    let first = input(0)?;
    let mut products = 0;
    let value = match node.op_type() {
        "Add" | "Equal" | "Min" | "Mul" => Value::unknown(broadcast(&first.shape, &input(1)?.shape)?),
        "Sub" => difference(first, input(1)?)?,
        "Neg" => Value { shape: first.shape.clone(), numbers: mapped(first, i64::checked_neg) },
        "Identity" => first.clone(),
        "Exp" | "Log" | "Relu" | "Sigmoid" | "Tanh" => Value::unknown(first.shape.clone()),
        "ReduceLogSumExp" => reduce(node, first)?,
        "Softmax" => {
            // -1 is the last axis.
            let last = integer(node, "axis") == Some(-1);
            if !last {
                axis(node, &first.shape)?;
            }
            Value::unknown(first.shape.clone())
        }
        "Cast" if integer(node, "to") == Some(FLOAT) => Value::unknown(first.shape.clone()),
        "Cast" => return Err(format!("casts to {:?}: expected {FLOAT}, floats", integer(node, "to"))),
        "Transpose" => Value::unknown(first.shape.iter().rev().copied().collect()),
        "Shape" => shape(first),
        "ConstantOfShape" => {
            let sizes: Option<Shape> = numbers(first)?.iter().map(|size| Size::of(*size)).collect();
            Value::unknown(sizes.ok_or_else(|| format!("has the sizes {:?}: expected at least 1", first.numbers))?)
        }
        "MatMul" => {
            let (shape, count) = product(&first.shape, &input(1)?.shape)?;
            products = count;
            Value::unknown(shape)
        }
        "Gemm" => {
            let (shape, count) = product(&first.shape, &input(1)?.shape)?;
            products = count;
            if first.shape.len() != 2 || broadcast(&shape, &input(2)?.shape)? != shape {
                return Err("multiplies other than matrices, or its third input does not fit".to_owned());
            }
            Value::unknown(shape)
        }
        "Gather" => gather(node, first, input(1)?)?,
        "Squeeze" => squeeze(first, numbers(input(1)?)?)?,
        "Unsqueeze" => unsqueeze(first, numbers(input(1)?)?)?,
        "Concat" => concat(node, inputs)?,
        "Slice" => slice(first, input(1)?, input(2)?, inputs.get(3).copied())?,
        "Reshape" => reshape(first, numbers(input(1)?)?)?,
        "Split" => return split(node, first),
        other => return Err(format!("{other} has no rule")),
    };
    Ok(Outcome { values: vec![value], products })
}

/// The value of an integer attribute.
pub(super) fn integer(node: &NodeProto, name: &str) -> Option<i64> {
    node.attribute.iter().find(|attribute| attribute.name() == name).and_then(|attribute| attribute.i)
}

/// The attribute `axis`, 0 without one.
fn axis(node: &NodeProto, shape: &[Size]) -> Result<usize, String> {
    let axis = integer(node, "axis").unwrap_or_default();
    position(axis, shape.len())
}

fn position(axis: i64, count: usize) -> Result<usize, String> {
    let found = usize::try_from(axis).ok().filter(|axis| *axis < count);
    found.ok_or_else(|| format!("has the axis {axis} of {count}"))
}

/// Numbers that are known before the graph runs: nothing else may become a size or an axis.
fn numbers(value: &Value) -> Result<&[i64], String> {
    value.numbers.as_deref().ok_or_else(|| "computes a size from what is not known before it runs".to_owned())
}

fn mapped(value: &Value, change: impl Fn(i64) -> Option<i64>) -> Option<Vec<i64>> {
    value.numbers.as_ref()?.iter().map(|number| change(*number)).collect()
}

fn fixed(size: Size) -> Result<u64, String> {
    if size.of_candidates { Err("cuts the candidates apart".to_owned()) } else { Ok(size.count) }
}

fn broadcast(left: &[Size], right: &[Size]) -> Result<Shape, String> {
    let count = left.len().max(right.len());
    let aligned = |shape: &[Size], place: usize| {
        (place + shape.len()).checked_sub(count).and_then(|place| shape.get(place).copied()).unwrap_or(Size::ONE)
    };
    let joined = |place| {
        let (left, right) = (aligned(left, place), aligned(right, place));
        let of_candidates = left.of_candidates || right.of_candidates;
        match (left.count, right.count) {
            (one, other) if one == other => Ok(Size { count: one, of_candidates }),
            (1, _) if left == Size::ONE => Ok(right),
            (_, 1) if right == Size::ONE => Ok(left),
            (one, other) => Err(format!("joins sizes {one} and {other}")),
        }
    };
    (0..count).map(joined).collect()
}

fn difference(left: &Value, right: &Value) -> Result<Value, String> {
    let shape = broadcast(&left.shape, &right.shape)?;
    let numbers = match (&left.numbers, &right.numbers) {
        (Some(left), Some(right)) if left.len() == right.len() => {
            left.iter().zip(right).map(|(left, right)| left.checked_sub(*right)).collect()
        }
        _ => None,
    };
    Ok(Value { shape, numbers })
}

fn shape(value: &Value) -> Value {
    let number = |size: &Size| if size.of_candidates { None } else { i64::try_from(size.count).ok() };
    let numbers = value.shape.iter().map(number).collect();
    Value { shape: vec![Size::fixed(value.shape.len() as u64)], numbers }
}

/// Size and multiplications of a matrix product; vectors are matrices of one row or column.
fn product(left: &[Size], right: &[Size]) -> Result<(Shape, u64), String> {
    let ([.., inner], [rest @ .., other]) = (left, right) else {
        return Err("multiplies single numbers".to_owned());
    };
    let (columns, summed, right_batch) = match rest {
        [batch @ .., summed] => (Some(*other), summed, batch),
        [] => (None, other, &[][..]),
    };
    if fixed(*inner)? != fixed(*summed)? {
        return Err(format!("multiplies {} columns with {} rows", inner.count, summed.count));
    }
    let (rows, left_batch) = match left {
        [batch @ .., rows, _] => (Some(*rows), batch),
        _ => (None, &[][..]),
    };
    let mut shape = broadcast(left_batch, right_batch)?;
    shape.extend(rows.into_iter().chain(columns));
    let products = shape.iter().fold(inner.count, |products, size| products.saturating_mul(size.count));
    Ok((shape, products))
}

/// Over all values: each dimension that is left is 1.
fn reduce(node: &NodeProto, value: &Value) -> Result<Value, String> {
    let keeps = integer(node, "keepdims");
    if keeps.is_some_and(|keeps| keeps != 1) {
        return Err(format!("has the keepdims {keeps:?}: expected 1"));
    }
    // A sum over candidates would depend on how they are cut into blocks.
    value.shape.iter().try_for_each(|size| fixed(*size).map(|_| ()))?;
    Ok(Value::unknown(vec![Size::ONE; value.shape.len()]))
}

fn gather(node: &NodeProto, data: &Value, places: &Value) -> Result<Value, String> {
    let axis = axis(node, &data.shape)?;
    let (before, after) = data.shape.split_at(axis);
    let after = after.get(1..).unwrap_or_default();
    Ok(Value::unknown([before, &places.shape, after].concat()))
}

fn squeeze(value: &Value, axes: &[i64]) -> Result<Value, String> {
    let mut shape: Vec<Option<Size>> = value.shape.iter().copied().map(Some).collect();
    for axis in axes {
        let position = position(*axis, shape.len())?;
        match shape.get_mut(position) {
            Some(size) if *size == Some(Size::ONE) => *size = None,
            _ => return Err(format!("takes axis {axis} out, which is not 1")),
        }
    }
    Ok(Value::unknown(shape.into_iter().flatten().collect()))
}

fn unsqueeze(value: &Value, axes: &[i64]) -> Result<Value, String> {
    let [axis] = axes else { return Err(format!("adds {} axes: expected 1", axes.len())) };
    let mut shape = value.shape.clone();
    if shape.len() >= MOST_DIMENSIONS {
        return Err(format!("has more than {MOST_DIMENSIONS} dimensions"));
    }
    shape.insert(position(*axis, shape.len() + 1)?, Size::ONE);
    Ok(Value::unknown(shape))
}

fn concat(node: &NodeProto, inputs: &[&Value]) -> Result<Value, String> {
    let mut shape = inputs.first().map(|value| value.shape.clone()).unwrap_or_default();
    let axis = axis(node, &shape)?;
    for value in inputs.iter().skip(1) {
        if value.shape.len() != shape.len() {
            return Err("joins tensors of different dimensions".to_owned());
        }
        for (place, (size, other)) in shape.iter_mut().zip(&value.shape).enumerate() {
            if place == axis {
                size.count = size.count.saturating_add(other.count);
                size.of_candidates |= other.of_candidates;
            } else if size != other {
                return Err(format!("joins rows of {} and {}", size.count, other.count));
            }
        }
    }
    let numbers: Option<Vec<&[i64]>> = inputs.iter().map(|value| value.numbers.as_deref()).collect();
    Ok(Value { shape, numbers: numbers.map(|numbers| numbers.concat()) })
}

fn slice(value: &Value, starts: &Value, ends: &Value, axes: Option<&Value>) -> Result<Value, String> {
    let (starts, ends) = (numbers(starts)?, numbers(ends)?);
    let axes = axes.map_or(Ok(&[0][..]), numbers)?;
    let ([start], [end], [axis]) = (starts, ends, axes) else { return Err("cuts more than one axis".to_owned()) };
    let mut shape = value.shape.clone();
    let axis = position(*axis, shape.len())?;
    let size = shape.get_mut(axis).ok_or_else(|| "has no such axis".to_owned())?;
    let whole = i64::try_from(fixed(*size)?).unwrap_or(i64::MAX);
    let place = |from: i64| if from < 0 { from.saturating_add(whole).max(0) } else { from.min(whole) };
    let (start, end) = (place(*start), place(*end));
    *size = Size::of(end - start).ok_or_else(|| "cuts out nothing".to_owned())?;
    let range = usize::try_from(start).unwrap_or_default()..usize::try_from(end).unwrap_or_default();
    let numbers = value.numbers.as_ref().and_then(|numbers| numbers.get(range)).map(<[i64]>::to_vec);
    Ok(Value { shape, numbers })
}

fn reshape(value: &Value, sizes: &[i64]) -> Result<Value, String> {
    let whole = value.count().ok_or_else(|| "is too large".to_owned())?;
    let of_candidates = value.shape.iter().any(|size| size.of_candidates);
    let rest = sizes.iter().filter(|size| **size != -1).try_fold(1, |rest: u64, size| {
        u64::try_from(*size).ok().filter(|size| *size > 0).and_then(|size| rest.checked_mul(size))
    });
    let rest = rest.filter(|rest| whole % rest == 0).ok_or_else(|| format!("makes {sizes:?} of {whole} values"))?;
    let open = sizes.iter().filter(|size| **size == -1).count();
    // With one size open, fewer candidates always fit; without, the sizes must be all there is.
    if open > 1 || (open == 0 && (of_candidates || rest != whole)) || sizes.len() > MOST_DIMENSIONS {
        return Err(format!("makes {sizes:?} of {whole} values"));
    }
    let size = |size: &i64| Size::of(*size).unwrap_or(Size { count: whole / rest, of_candidates });
    Ok(Value::unknown(sizes.iter().map(size).collect()))
}

fn split(node: &NodeProto, value: &Value) -> Result<Outcome, String> {
    let axis = axis(node, &value.shape)?;
    let parts = node.output.len().max(1) as u64;
    let mut shape = value.shape.clone();
    if let Some(size) = shape.get_mut(axis) {
        let whole = fixed(*size)?;
        if whole % parts != 0 {
            return Err(format!("cuts {whole} into {parts} equal parts"));
        }
        size.count = whole / parts;
    }
    Ok(Outcome { values: vec![Value::unknown(shape); node.output.len()], products: 0 })
}
