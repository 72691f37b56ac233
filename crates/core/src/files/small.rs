//! Reading a small file: a path and the most bytes that it should hold enter, its bytes leave, or what it is instead.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::FileError;

/// Reads a small file whole. Pipes, devices and the like, whose reading may never end, are refused by what they are.
///
/// # Errors
/// [`FileError::Io`], [`FileError::NotAFile`], or [`FileError::TooLarge`] beyond `most` bytes.
pub fn read_small(path: &Path, most: u64) -> Result<Vec<u8>, FileError> {
    let kind = fs::metadata(path).map_err(FileError::io("read", path))?.file_type();
    if !kind.is_file() {
        return Err(FileError::NotAFile { path: path.to_owned(), found: kind_of(kind) });
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(FileError::io("read", path))?;
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(FileError::io("read", path))?;
    if bytes.len() as u64 > most {
        return Err(FileError::TooLarge { path: path.to_owned(), most });
    }
    Ok(bytes)
}

fn kind_of(kind: fs::FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        match kind {
            kind if kind.is_fifo() => return "a pipe",
            kind if kind.is_socket() => return "a socket",
            kind if kind.is_block_device() || kind.is_char_device() => return "a device",
            _ => {}
        }
    }
    if kind.is_dir() { "a directory" } else { "something else" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_is_read_and_nothing_that_may_never_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read_small(&path, 5).unwrap(), b"12345");
        assert!(matches!(read_small(&path, 4), Err(FileError::TooLarge { most: 4, .. })));
        let found = |path: &Path| read_small(path, 10).unwrap_err().to_string();
        assert!(found(folder.path()).contains("found a directory, expected a file"));
        assert!(found(&folder.path().join("none")).contains("cannot read "));
        #[cfg(unix)]
        {
            let socket = folder.path().join("socket");
            let _socket = std::os::unix::net::UnixListener::bind(&socket).unwrap();
            assert!(found(&socket).contains("found a socket"));
            assert!(found(Path::new("/dev/zero")).contains("found a device"));
        }
    }
}
