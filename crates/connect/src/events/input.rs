//! What is read: files, directories and standard input, compressed or not, told apart by their content.

mod blocks;
mod decoding;
mod form;
mod magic;
mod open;
mod quotes;
mod values;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use slirec_core::files::FileError;

pub(crate) use blocks::{Block, Blocks, Quotes};
pub use decoding::TextEncoding;
pub(crate) use form::Form;
pub(crate) use open::{Content, Opener, Text};
pub(crate) use values::{Values, values_of};

/// All files that the arguments name: directories are searched, in order of the names; what starts with a dot or an
/// underscore is not data (`_SUCCESS`, `_delta_log`).
pub(crate) fn files(inputs: &[PathBuf]) -> Result<Vec<PathBuf>, FileError> {
    let mut files = Vec::new();
    for input in inputs {
        if input.is_dir() {
            search(input, &mut files)?;
        } else {
            files.push(input.clone());
        }
    }
    Ok(files)
}

fn search(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), FileError> {
    let entries = fs::read_dir(directory).map_err(FileError::io("read", directory))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(FileError::io("read", directory))?;
    paths.sort();
    for path in paths {
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with(['.', '_']));
        if hidden {
            continue;
        }
        if path.is_dir() { search(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// The values that stand in a path instead of in the file, as Hive and Delta write them: `…/event_name=page_view/…`.
pub(crate) fn partition_values(path: &Path) -> Vec<(String, String)> {
    let segments = path.iter().filter_map(|segment| segment.to_str());
    segments
        .filter_map(|segment| segment.split_once('='))
        .map(|(name, value)| (name.to_owned(), percent_decode_str(value).decode_utf8_lossy().into_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_searched_in_order_and_hidden_files_are_no_data() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b/event_name=page_view/2.tsv", "a/1.tsv", "b/_SUCCESS", "_delta_log/0.json", ".hidden"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = files(&[folder.path().to_owned()]).unwrap();
        let names: Vec<_> = found.iter().map(|path| path.strip_prefix(folder.path()).unwrap().to_owned()).collect();
        assert_eq!(names, [Path::new("a/1.tsv"), Path::new("b/event_name=page_view/2.tsv")]);
        assert_eq!(partition_values(&found[1]), [("event_name".to_owned(), "page_view".to_owned())]);
    }
}
