//! Arguments of opcodes: the bytes behind an opcode enter; numbers, texts and lines leave.

use super::{Machine, Step, argument};
use crate::pickle::PickleProblem;

/// Longest line of a number, in bytes.
const LONGEST_NUMBER: usize = 32;

impl Machine<'_> {
    pub(super) fn check_left(&self, name: &'static str, needed: u64) -> Step<()> {
        let left = self.bytes.len() - self.position;
        if needed > left as u64 { Err(PickleProblem::Truncated { name, needed, left }) } else { Ok(()) }
    }

    pub(super) fn take(&mut self, name: &'static str, length: u64) -> Step<&[u8]> {
        self.check_left(name, length)?;
        // Checked: the length is at most the number of bytes in memory.
        let end = self.position + length as usize;
        let taken = self.bytes.get(self.position..end).unwrap_or_default();
        self.position = end;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self, name: &'static str) -> Step<[u8; N]> {
        let taken = self.take(name, N as u64)?;
        taken.try_into().map_err(|_| argument(name, format!("needs {N} bytes")))
    }

    pub(super) fn unsigned(&mut self, name: &'static str, bytes: usize) -> Step<u64> {
        let taken = self.take(name, bytes as u64)?;
        Ok(taken.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    pub(super) fn line(&mut self, name: &'static str) -> Step<&str> {
        let line = self.line_of(name, LONGEST_NUMBER)?;
        std::str::from_utf8(line).map_err(|_| argument(name, "found bytes that are not UTF-8".into()))
    }

    pub(super) fn line_of(&mut self, name: &'static str, longest: usize) -> Step<&[u8]> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let within = rest.get(..rest.len().min(longest)).unwrap_or_default();
        let length = within.iter().position(|byte| *byte == b'\n').ok_or_else(|| {
            let problem = "found no line end behind it: the file is cut off or damaged";
            argument(name, problem.to_owned())
        })?;
        self.position += length + 1;
        Ok(rest.get(..length).unwrap_or_default())
    }
}

pub(super) fn number<T: std::str::FromStr>(name: &'static str, line: &str) -> Step<T> {
    line.parse().map_err(|_| argument(name, format!("found `{line}`: expected a number of at most 64 bits")))
}

/// Two's complement, little-endian, of any length that fits 64 bits.
pub(super) fn long(name: &'static str, bytes: &[u8]) -> Step<i64> {
    if bytes.len() > 8 {
        return Err(argument(name, format!("holds a number of {} bytes: expected at most 8", bytes.len())));
    }
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut whole = [if negative { 0xff } else { 0 }; 8];
    whole.iter_mut().zip(bytes).for_each(|(byte, given)| *byte = *given);
    Ok(i64::from_le_bytes(whole))
}

/// Text of protocol 0: `\uXXXX` and `\UXXXXXXXX` stand for characters, the other bytes are Latin-1.
pub(super) fn unescape(name: &'static str, line: &[u8]) -> Step<String> {
    let mut text = String::with_capacity(line.len());
    let line: String = line.iter().copied().map(char::from).collect();
    let mut rest = line.as_str();
    while let Some(start) = rest.find('\\') {
        let (before, escape) = rest.split_at(start);
        text.push_str(before);
        let digits = if escape.starts_with("\\u") { 4 } else { 8 };
        let code = escape.get(2..2 + digits).filter(|_| escape.starts_with("\\u") || escape.starts_with("\\U"));
        let character = code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32);
        let shown = || escape.chars().take(10).collect::<String>();
        text.push(character.ok_or_else(|| argument(name, format!("found `{}`: expected \\uXXXX", shown())))?);
        rest = escape.get(2 + digits..).unwrap_or_default();
    }
    text.push_str(rest);
    Ok(text)
}
