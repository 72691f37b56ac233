//! Files and directories that appear whole or not at all: they are written beside their target and renamed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::kind::{self, Kind};
use super::{FileError, sibling};

/// A file that is written beside its target and takes the target's name when it is complete. Dropped without
/// [`StagedFile::commit`], it removes itself.
///
/// A target that is a device or a pipe, or `-` for standard output, is not replaced: what was written is copied into
/// it. A symbolic link is refused.
#[derive(Debug)]
pub struct StagedFile {
    staged: PathBuf,
    target: PathBuf,
    /// Whether the target is written to instead of replaced.
    stream: bool,
    committed: bool,
}

impl StagedFile {
    /// Prepares to write `target`; the file at [`StagedFile::path`] is the caller's to create.
    ///
    /// # Errors
    /// [`FileError::Exists`] when the target exists and is not to be replaced, [`FileError::Special`] when it is
    /// nothing that can be.
    pub fn create(target: &Path, replace: bool) -> Result<Self, FileError> {
        let stream = match Kind::of(target) {
            Kind::Nothing => false,
            Kind::Stream => true,
            Kind::File if replace => false,
            Kind::File => return Err(FileError::Exists(target.to_owned())),
            Kind::Directory => return Err(special(target, "a directory".to_owned())),
            Kind::Special(kind) => return Err(special(target, kind)),
        };
        let staged = if stream {
            kind::temporary_folder().map_err(FileError::io("write", target))?.join("output")
        } else {
            sibling(target, "partial")
        };
        Ok(Self { staged, target: target.to_owned(), stream, committed: false })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.staged
    }

    /// Gives the file its name, or copies it into a target that is written to.
    pub fn commit(mut self) -> Result<(), FileError> {
        if self.stream {
            let mut file = File::open(&self.staged).map_err(FileError::io("read", &self.staged))?;
            return kind::pour(&mut file, &self.target);
        }
        fs::rename(&self.staged, &self.target).map_err(FileError::io("write", &self.target))?;
        self.committed = true;
        Ok(())
    }
}

/// Exchanges the names of two directories at once, so that a process that is killed leaves both; false where that cannot be
/// done.
#[cfg(target_os = "linux")]
fn exchange(one: &Path, other: &Path) -> bool {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn exchange(_: &Path, _: &Path) -> bool {
    false
}

fn special(path: &Path, kind: String) -> FileError {
    FileError::Special { path: path.to_owned(), kind }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if !self.committed {
            // Best effort: the name already says that it is partial.
            let _ = fs::remove_file(&self.staged);
        }
        if let Some(folder) = self.staged.parent().filter(|_| self.stream) {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// A directory that is written beside its target and takes the target's name when it is complete.
///
/// Dropped without [`StagedDirectory::commit`], it removes itself; a killed process leaves `NAME.partial`, which
/// nothing reads and the next run clears away.
#[derive(Debug)]
pub struct StagedDirectory {
    staged: PathBuf,
    target: PathBuf,
    replace: bool,
    committed: bool,
}

impl StagedDirectory {
    /// Starts a directory that will become `target`. `marker` is the file that every such directory holds: with
    /// `replace` an existing directory is replaced only if it holds that file (or nothing at all).
    ///
    /// # Errors
    /// [`FileError::Exists`] without `replace`, [`FileError::NotOurs`] when the marker is missing.
    pub fn create(target: &Path, marker: &str, replace: bool) -> Result<Self, FileError> {
        match Kind::of(target) {
            Kind::Special(kind) => return Err(special(target, kind)),
            Kind::Stream => return Err(special(target, "a device or a pipe".to_owned())),
            Kind::Nothing | Kind::File | Kind::Directory => {}
        }
        if target.exists() {
            let empty = fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
            if !replace && !empty {
                return Err(FileError::Exists(target.to_owned()));
            }
            if !empty && !target.join(marker).is_file() {
                return Err(FileError::NotOurs(target.to_owned()));
            }
        }
        let staged = sibling(target, "partial");
        if staged.exists() {
            fs::remove_dir_all(&staged).map_err(FileError::io("clear away", &staged))?;
        }
        fs::create_dir_all(&staged).map_err(FileError::io("create", &staged))?;
        Ok(Self { staged, target: target.to_owned(), replace, committed: false })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.staged
    }

    /// Gives the directory its name. One that had it goes away at the same moment, where the file system can do that.
    pub fn commit(mut self) -> Result<(), FileError> {
        let replaced = sibling(&self.target, "replaced");
        if self.target.exists() {
            let empty = fs::read_dir(&self.target).is_ok_and(|mut entries| entries.next().is_none());
            if !self.replace && !empty {
                return Err(FileError::Exists(self.target.clone()));
            }
            if exchange(&self.staged, &self.target) {
                self.committed = true;
                return fs::remove_dir_all(&self.staged).map_err(FileError::io("clear away", &self.staged));
            }
            if replaced.exists() {
                fs::remove_dir_all(&replaced).map_err(FileError::io("clear away", &replaced))?;
            }
            fs::rename(&self.target, &replaced).map_err(FileError::io("replace", &self.target))?;
        }
        fs::rename(&self.staged, &self.target).map_err(FileError::io("write", &self.target))?;
        self.committed = true;
        if replaced.exists() {
            fs::remove_dir_all(&replaced).map_err(FileError::io("clear away", &replaced))?;
        }
        Ok(())
    }
}

impl Drop for StagedDirectory {
    fn drop(&mut self) {
        if !self.committed {
            // Best effort: the name already says that it is partial.
            let _ = fs::remove_dir_all(&self.staged);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_staged_directory_appears_only_when_committed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("dataset");
        let staged = StagedDirectory::create(&target, "manifest.json", false).unwrap();
        fs::write(staged.path().join("manifest.json"), "{}").unwrap();
        assert!(!target.exists());
        staged.commit().unwrap();
        assert!(target.join("manifest.json").exists());
    }

    #[test]
    fn a_dropped_directory_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("dataset");
        drop(StagedDirectory::create(&target, "manifest.json", false).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_existing_directory_is_replaced_only_on_request_and_only_if_it_is_ours() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("dataset");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("precious.txt"), "mine").unwrap();
        let create = |replace| StagedDirectory::create(&target, "manifest.json", replace);
        assert!(matches!(create(false), Err(FileError::Exists(_))));
        assert!(matches!(create(true), Err(FileError::NotOurs(_))));
        fs::write(target.join("manifest.json"), "{}").unwrap();
        create(true).unwrap().commit().unwrap();
        assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_directory_is_there_at_any_moment_while_it_is_replaced() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("bundle");
        let write = || {
            let staged = StagedDirectory::create(&target, "manifest.json", true).unwrap();
            fs::write(staged.path().join("manifest.json"), "{}").unwrap();
            staged.commit().unwrap();
        };
        write();
        let done = AtomicBool::new(false);
        let missed = std::thread::scope(|scope| {
            let watcher = scope.spawn(|| {
                let mut missed = 0;
                while !done.load(Ordering::Relaxed) {
                    missed += usize::from(!target.exists());
                }
                missed
            });
            (0..300).for_each(|_| write());
            done.store(true, Ordering::Relaxed);
            watcher.join().unwrap()
        });
        assert_eq!(missed, 0);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_staged_file_appears_when_committed_and_leaves_nothing_when_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("catalog.json");
        let staged = StagedFile::create(&target, false).unwrap();
        fs::write(staged.path(), "{}").unwrap();
        drop(staged);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let staged = StagedFile::create(&target, false).unwrap();
        fs::write(staged.path(), "{}").unwrap();
        staged.commit().unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "{}");
        assert!(matches!(StagedFile::create(&target, false), Err(FileError::Exists(_))));
        assert!(StagedFile::create(&target, true).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn links_devices_and_pipes_are_never_replaced() {
        use std::os::unix::fs::{FileTypeExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("precious"), "mine").unwrap();
        symlink(path("precious"), path("link")).unwrap();
        symlink(path("nowhere"), path("dangling")).unwrap();
        symlink(folder.path(), path("directory")).unwrap();
        for name in ["link", "dangling", "directory"] {
            for replace in [false, true] {
                let message = StagedFile::create(&path(name), replace).unwrap_err().to_string();
                assert!(message.contains("is a symbolic link to"), "{message}");
                assert!(StagedDirectory::create(&path(name), "manifest.json", replace).is_err());
            }
        }
        assert_eq!(fs::read_to_string(path("link")).unwrap(), "mine");

        assert!(std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
        let reader = std::thread::spawn({
            let pipe = path("pipe");
            move || fs::read_to_string(pipe).unwrap()
        });
        let staged = StagedFile::create(&path("pipe"), false).unwrap();
        fs::write(staged.path(), "through").unwrap();
        let aside = staged.path().to_owned();
        staged.commit().unwrap();
        assert_eq!(reader.join().unwrap(), "through");
        assert!(fs::metadata(path("pipe")).unwrap().file_type().is_fifo());
        assert!(!aside.exists(), "the copy is removed");

        let staged = StagedFile::create(Path::new("/dev/null"), true).unwrap();
        fs::write(staged.path(), "away").unwrap();
        staged.commit().unwrap();
        super::super::write_aside(Path::new("/dev/null"), b"away").unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    }
}
