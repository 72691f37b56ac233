//! Text of any encoding becomes UTF-8: by its byte order mark, or by the encoding that the options name. Never lossily:
//! what is not of the encoding is an error.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// Bytes that are decoded at once.
const CHUNK: usize = 1 << 16;

/// An encoding of text, by a name that browsers know: `latin1`, `windows-1252`, `utf-16le`, `shift_jis`, ….
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextEncoding(&'static Encoding);

impl FromStr for TextEncoding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let alias = match text.to_ascii_lowercase().as_str() {
            "latin-1" => "latin1",
            "cp1252" => "windows-1252",
            "cp1250" => "windows-1250",
            "cp1251" => "windows-1251",
            _ => text,
        };
        let encoding = Encoding::for_label(alias.as_bytes());
        encoding.map(Self).ok_or_else(|| "expected an encoding such as utf-8, latin1, windows-1250 or utf-16le".into())
    }
}

impl fmt::Display for TextEncoding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.name())
    }
}

/// What is known of a text by its first bytes and the options.
pub(super) enum Found {
    /// UTF-8, behind so many bytes of a mark.
    Utf8(usize),
    /// Another encoding.
    Other(TextEncoding),
}

/// Recognises the encoding.
///
/// # Errors
/// When it looks like UTF-16 without a mark, which is not guessed.
pub(super) fn tell(start: &[u8], asked: Option<TextEncoding>) -> Result<Found, String> {
    if let Some((encoding, mark)) = Encoding::for_bom(start) {
        return Ok(if encoding == UTF_8 { Found::Utf8(mark) } else { Found::Other(TextEncoding(encoding)) });
    }
    match asked {
        Some(TextEncoding(encoding)) if encoding == UTF_8 => return Ok(Found::Utf8(0)),
        Some(encoding) => return Ok(Found::Other(encoding)),
        None => {}
    }
    // Half of ASCII in UTF-16 are zeros.
    let looked_at = start.get(..start.len().min(1000)).unwrap_or_default();
    let zeros = looked_at.iter().filter(|byte| **byte == 0).count();
    if zeros * 3 > looked_at.len() {
        let little = looked_at.iter().skip(1).step_by(2).filter(|byte| **byte == 0).count() * 2 > zeros;
        let name = if little { UTF_16LE } else { UTF_16BE }.name().to_lowercase();
        return Err(format!("looks like UTF-16 without a byte order mark: --encoding {name} reads it"));
    }
    Ok(Found::Utf8(0))
}

/// Decodes what is read through it.
pub(super) struct Decoding<R> {
    input: R,
    encoding: TextEncoding,
    decoder: Decoder,
    /// Bytes that were read and not decoded yet.
    bytes: Vec<u8>,
    /// Text that was decoded and not handed out yet, from `next` on.
    text: Vec<u8>,
    next: usize,
    done: bool,
}

impl<R: Read> Decoding<R> {
    pub(super) fn new(input: R, encoding: TextEncoding) -> Self {
        let decoder = encoding.0.new_decoder_with_bom_removal();
        Self { input, encoding, decoder, bytes: Vec::new(), text: Vec::new(), next: 0, done: false }
    }

    fn fill(&mut self) -> io::Result<()> {
        while self.next >= self.text.len() && !self.done {
            let count = self.input.by_ref().take(CHUNK as u64).read_to_end(&mut self.bytes)?;
            let last = count == 0;
            let room = self.decoder.max_utf8_buffer_length_without_replacement(self.bytes.len());
            self.text.clear();
            self.text.resize(room.unwrap_or(4 * self.bytes.len() + 16), 0);
            let (result, read, written) =
                self.decoder.decode_to_utf8_without_replacement(&self.bytes, &mut self.text, last);
            self.text.truncate(written);
            self.next = 0;
            self.bytes.drain(..read);
            if let DecoderResult::Malformed(_, _) = result {
                let problem = format!("found bytes that are not {}: expected that encoding throughout", self.encoding);
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
            self.done = last;
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoding<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fill()?;
        let ready = self.text.get(self.next..).unwrap_or_default();
        let count = ready.len().min(buffer.len());
        if let (Some(target), Some(source)) = (buffer.get_mut(..count), ready.get(..count)) {
            target.copy_from_slice(source);
        }
        self.next += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(bytes: &[u8], asked: Option<&str>) -> Result<String, String> {
        let asked = asked.map(|name| name.parse().unwrap());
        let mut text = String::new();
        match tell(bytes, asked)? {
            Found::Utf8(mark) => text.push_str(std::str::from_utf8(&bytes[mark..]).unwrap()),
            Found::Other(encoding) => {
                Decoding::new(bytes, encoding).read_to_string(&mut text).map_err(|error| error.to_string())?;
            }
        }
        Ok(text)
    }

    #[test]
    fn marks_and_options_tell_the_encoding() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let text = "user,item\nJosé,茶\n";
        assert_eq!(decoded(&[b"\xff\xfe".to_vec(), utf16(text)].concat(), None).as_deref(), Ok(text));
        assert_eq!(decoded(&[b"\xef\xbb\xbf", text.as_bytes()].concat(), None).as_deref(), Ok(text));
        assert_eq!(decoded(b"Jos\xe9", Some("latin1")).as_deref(), Ok("José"));
        assert!(decoded(&utf16("user,item"), None).unwrap_err().contains("--encoding utf-16le reads it"));
        assert_eq!(decoded(&utf16("user,item"), Some("utf-16le")).as_deref(), Ok("user,item"));
    }

    #[test]
    fn what_is_not_of_the_encoding_is_an_error_and_no_replacement() {
        let problem = decoded(b"\xff\xfe\x00\xd8a\0", None).unwrap_err();
        assert!(problem.contains("not UTF-16LE"), "{problem}");
    }

    proptest! {
        #[test]
        fn every_text_in_utf_16_reads_back(text in "\\PC{0,300}") {
            let bytes: Vec<u8> =
                b"\xfe\xff".iter().copied().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect();
            prop_assert_eq!(decoded(&bytes, None), Ok(text));
        }
    }
}
