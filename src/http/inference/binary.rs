//! The binary tensor extension: tensors that follow the JSON in a body, little endian. Triton's client sends and asks
//! for them by default. Elements of BYTES are a length (4 bytes) and as many bytes of UTF-8 text.

use axum::http::HeaderMap;

use super::datatype::Datatype;
use super::elements::Element;

/// Header that says how many bytes of a body are JSON, in requests and answers.
pub(super) const JSON_LENGTH: &str = "inference-header-content-length";

/// Bytes of the body that are JSON; none when all are.
pub(super) fn json_length(headers: &HeaderMap) -> Result<Option<usize>, String> {
    let Some(value) = headers.get(JSON_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    length.map(Some).ok_or_else(|| format!("header {JSON_LENGTH}: expected a number of bytes"))
}

/// Hands the elements of one tensor to `take`, until it refuses one.
pub(super) fn each<'a>(
    datatype: Datatype,
    mut bytes: &'a [u8],
    mut take: impl FnMut(usize, Element<'a>) -> Result<(), String>,
) -> Result<(), String> {
    let mut position = 0;
    while !bytes.is_empty() {
        let broken = || format!("element {position}: the binary data ends too early");
        let (element, rest) = match datatype {
            Datatype::Bytes => {
                let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(broken)?;
                let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| broken())?;
                let (text, rest) = rest.split_at_checked(length).ok_or_else(broken)?;
                let text = std::str::from_utf8(text).map_err(|_| format!("element {position}: is not UTF-8 text"))?;
                (Element::Text(text.into()), rest)
            }
            Datatype::Int32 => number(bytes, |bytes| i32::from_le_bytes(bytes).into()).ok_or_else(broken)?,
            Datatype::UInt32 => number(bytes, |bytes| u32::from_le_bytes(bytes).into()).ok_or_else(broken)?,
            Datatype::Int64 => number(bytes, |bytes| i64::from_le_bytes(bytes).into()).ok_or_else(broken)?,
            Datatype::UInt64 => number(bytes, |bytes| u64::from_le_bytes(bytes).into()).ok_or_else(broken)?,
            Datatype::Fp64 => {
                let (number, rest) = bytes.split_first_chunk().ok_or_else(broken)?;
                (Element::Float(f64::from_le_bytes(*number)), rest)
            }
        };
        take(position, element)?;
        position += 1;
        bytes = rest;
    }
    Ok(())
}

/// The whole number that some bytes begin with, and what follows.
fn number<const SIZE: usize>(bytes: &[u8], read: impl Fn([u8; SIZE]) -> i128) -> Option<(Element<'_>, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((Element::Integer(read(*number)), rest))
}

/// Adds texts to a body; returns how many bytes they are.
pub(super) fn write_texts<'a>(body: &mut Vec<u8>, texts: impl Iterator<Item = &'a str>) -> usize {
    let start = body.len();
    for text in texts {
        // Identifiers of products are short; one of 4 GiB is cut.
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        body.extend(length.to_le_bytes());
        body.extend(text.as_bytes().iter().take(length as usize));
    }
    body.len() - start
}

/// Adds numbers to a body; returns how many bytes they are.
pub(super) fn write_numbers(body: &mut Vec<u8>, numbers: impl Iterator<Item = f32>) -> usize {
    let start = body.len();
    numbers.for_each(|number| body.extend(number.to_le_bytes()));
    body.len() - start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(datatype: Datatype, bytes: &[u8]) -> Result<Vec<Element<'_>>, String> {
        let mut elements = Vec::new();
        each(datatype, bytes, |_, element| {
            elements.push(element);
            Ok(())
        })?;
        Ok(elements)
    }

    #[test]
    fn elements_are_read_and_broken_ones_are_named() {
        let text = |text: &'static str| Element::Text(text.into());
        assert_eq!(read(Datatype::Bytes, b"\x02\0\0\0ab\0\0\0\0").unwrap(), [text("ab"), text("")]);
        assert_eq!(read(Datatype::Bytes, b"").unwrap(), []);
        let early = Err("element 1: the binary data ends too early".to_owned());
        assert_eq!(read(Datatype::Bytes, b"\x01\0\0\0a\x09\0\0\0b"), early);
        assert_eq!(read(Datatype::Int32, b"\x01\0\0\0\0"), early);
        let wrong = Err("element 0: is not UTF-8 text".to_owned());
        assert_eq!(read(Datatype::Bytes, b"\x01\0\0\0\xff"), wrong);
    }

    #[test]
    fn numbers_of_every_datatype_are_read() {
        for (datatype, bytes, expected) in [
            (Datatype::Int32, (-2_i32).to_le_bytes().to_vec(), Element::Integer(-2)),
            (Datatype::UInt32, u32::MAX.to_le_bytes().to_vec(), Element::Integer(u32::MAX.into())),
            (Datatype::Int64, i64::MIN.to_le_bytes().to_vec(), Element::Integer(i64::MIN.into())),
            (Datatype::UInt64, u64::MAX.to_le_bytes().to_vec(), Element::Integer(u64::MAX.into())),
            (Datatype::Fp64, 1.5_f64.to_le_bytes().to_vec(), Element::Float(1.5)),
        ] {
            assert_eq!(read(datatype, &bytes).unwrap(), [expected]);
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut body = vec![b'{'];
        assert_eq!(write_texts(&mut body, ["gid", "é"].into_iter()), 4 + 3 + 4 + 2);
        assert_eq!(read(Datatype::Bytes, &body[1..]).unwrap().len(), 2);
        assert_eq!(write_numbers(&mut body, [1.0, 0.5].into_iter()), 8);
        assert!(body.ends_with(&0.5_f32.to_le_bytes()));
    }
}
