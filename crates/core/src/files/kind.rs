//! What lies at a path, before anything is written there: only files and directories are ever replaced; devices and
//! pipes are written to; symbolic links and sockets are refused.

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

/// Copies everything into a device, a pipe or standard output. When the reader of a pipe has closed, writing ends:
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

/// The content of a pipe, a device or standard input as a file, for what must be read more than once. Dropped, it
/// removes itself.
#[derive(Debug)]
pub struct Spooled {
    file: PathBuf,
}

impl Spooled {
    /// Keeps what can be read only once; none for files and directories, and for what is not there.
    ///
    /// # Errors
    /// [`FileError`] when it cannot be read or kept.
    pub fn of(path: &Path) -> Result<Option<Self>, FileError> {
        if Kind::of(path) != Kind::Stream {
            return Ok(None);
        }
        let keep = || -> io::Result<Self> {
            let spooled = Self { file: temporary_folder()?.join("input") };
            let mut output = fs::File::create(&spooled.file)?;
            if is_standard(path) {
                io::copy(&mut io::stdin().lock(), &mut output)?;
            } else {
                io::copy(&mut fs::File::open(path)?, &mut output)?;
            }
            Ok(spooled)
        };
        keep().map(Some).map_err(FileError::io("read", path))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.file
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        // Best effort: the name already says that it is partial.
        let _ = fs::remove_file(&self.file);
        if let Some(folder) = self.file.parent() {
            let _ = fs::remove_dir(folder);
        }
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
