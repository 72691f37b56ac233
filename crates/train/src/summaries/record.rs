//! TFRecord framing: the bytes of a message enter, length, checksum, message, checksum leave
//! (TensorFlow, `core/lib/io/record_writer.h`).

use std::io::{self, Write};

/// What TensorFlow adds to a rotated checksum, so that a checksum of checksums is not degenerate.
const MASK: u32 = 0xa282_ead8;

/// Writes one record.
pub(super) fn write(output: &mut impl Write, message: &[u8]) -> io::Result<()> {
    let length = (message.len() as u64).to_le_bytes();
    output.write_all(&length)?;
    output.write_all(&masked_checksum(&length).to_le_bytes())?;
    output.write_all(message)?;
    output.write_all(&masked_checksum(message).to_le_bytes())
}

fn masked_checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(MASK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_framed_as_tensorflow_frames_it() {
        let mut output = Vec::new();
        write(&mut output, b"abc").unwrap();
        // The checksums as PyPI's google-crc32c computes them, masked.
        let length = [3, 0, 0, 0, 0, 0, 0, 0, 0xb0, 0x99, 0x49, 0x0e];
        let content = [b'a', b'b', b'c', 0x6e, 0x57, 0xf1, 0x21];
        assert_eq!(output, [&length[..], &content].concat());
    }
}
