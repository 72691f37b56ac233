//! What lies at a path, before anything is written there: only files and directories are ever replaced; devices and pipes
//! are written to; symbolic links and sockets are refused.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::FileError;

/// The path that stands for standard input or output.
pub const STANDARD: &str = "-";

/// Whether a path stands for standard input or output.
pub fn is_standard(path: &Path) -> bool {
    path == Path::new(STANDARD)
}

/// Whether a path leads to a file that may be read more than once: no pipe, device or standard input.
pub fn is_regular(path: &Path) -> bool {
    !is_standard(path) && fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// What lies at a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Nothing,
    File,
    Directory,
    /// Standard output, a character device or a pipe, perhaps behind a link such as `/dev/fd/63`: it is written to.
    Stream,
    /// Anything else, in words.
    Special(String),
}

impl Kind {
    pub(super) fn of(path: &Path) -> Self {
        if is_standard(path) {
            return Self::Stream;
        }
        let Ok(own) = fs::symlink_metadata(path) else { return Self::Nothing };
        if fs::metadata(path).is_ok_and(|metadata| is_stream(&metadata)) {
            return Self::Stream;
        }
        if own.is_symlink() {
            let target = fs::read_link(path).map(|target| target.display().to_string()).unwrap_or_default();
            return Self::Special(format!("a symbolic link to {target}"));
        }
        if own.is_file() {
            Self::File
        } else if own.is_dir() {
            Self::Directory
        } else {
            Self::Special("a block device or a socket".to_owned())
        }
    }
}

#[cfg(unix)]
fn is_stream(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    metadata.file_type().is_fifo() || metadata.file_type().is_char_device()
}

#[cfg(not(unix))]
fn is_stream(_: &fs::Metadata) -> bool {
    false
}

/// Copies everything into a device, a pipe or standard output. When the reader of a pipe has gone, the rest is not wanted:
/// that is no error.
pub(super) fn pour(input: &mut dyn Read, target: &Path) -> Result<(), FileError> {
    let copied = if is_standard(target) {
        io::copy(input, &mut io::stdout().lock())
    } else {
        OpenOptions::new().write(true).open(target).and_then(|mut output| io::copy(input, &mut output))
    };
    match copied {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        copied => copied.map(|_| ()).map_err(FileError::io("write", target)),
    }
}

/// A new folder for one temporary file, readable for this user only.
pub(super) fn temporary_folder() -> io::Result<PathBuf> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("slirec-{}-{number}.partial", std::process::id()));
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => return created.map(|()| folder),
        }
    }
}
