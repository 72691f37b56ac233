//! Writes the original's expanded files: rows with their histories enter one by one, a directory leaves.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use slirec_core::files::{FileError, StagedDirectory};

use super::escape::escape;
use crate::dataset::{DatasetError, Split};

const TRAIN: &str = "train_data";
const VALID: &str = "negative_sampled_valid_data";
const TEST: &str = "negative_sampled_test_data";
const FILES: [&str; 3] = [TRAIN, VALID, TEST];

/// A history as the expanded files spell it; grows with every interaction of a user.
#[derive(Debug, Default)]
pub(crate) struct ExpandedHistory {
    items: String,
    categories: String,
    times: String,
}

impl ExpandedHistory {
    pub(crate) fn push(&mut self, item: &str, category: &str, time: f64) {
        let time = time.to_string();
        let (item, category) = (escape(item), escape(category));
        for (part, value) in [(&mut self.items, &*item), (&mut self.categories, &*category), (&mut self.times, &*time)]
        {
            if !part.is_empty() {
                part.push(',');
            }
            part.push_str(value);
        }
    }

    /// Writes a row with this history before it.
    pub(crate) fn write_row(
        &self,
        output: &mut impl Write,
        label: u8,
        user: &str,
        (item, category): (&str, &str),
        time: f64,
    ) -> io::Result<()> {
        let Self { items, categories, times } = self;
        let (item, category) = (escape(item), escape(category));
        writeln!(output, "{label}\t{user}\t{item}\t{category}\t{time}\t{items}\t{categories}\t{times}")
    }
}

/// `train_data`, `valid_data` and `test_data` as the original writes them, the latter two with negatives.
#[derive(Debug)]
pub(crate) struct OriginalFiles {
    staged: StagedDirectory,
    train: BufWriter<File>,
    valid: BufWriter<File>,
    test: BufWriter<File>,
}

impl OriginalFiles {
    /// Starts the files. With `replace` an earlier export gives way, but no directory that holds anything else: the
    /// original keeps its vocabularies beside such files.
    pub(crate) fn create(directory: &Path, replace: bool) -> Result<Self, DatasetError> {
        let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
        if replace && entries.map(|entry| entry.file_name()).any(|name| FILES.iter().all(|known| name != *known)) {
            return Err(FileError::NotOurs(directory.to_owned()).into());
        }
        let staged = StagedDirectory::create(directory, TRAIN, replace)?;
        let open = |name: &str| -> Result<BufWriter<File>, FileError> {
            let path = staged.path().join(name);
            Ok(BufWriter::new(File::create(&path).map_err(FileError::io("write", &path))?))
        };
        let train = open(TRAIN)?;
        let valid = open(VALID)?;
        let test = open(TEST)?;
        Ok(Self { staged, train, valid, test })
    }

    /// Writes a row with its negatives behind it.
    pub(crate) fn write<'a>(
        &mut self,
        split: Option<Split>,
        history: &ExpandedHistory,
        user: &str,
        time: f64,
        positive: (&str, &str),
        negatives: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> io::Result<()> {
        let output = match split {
            None => &mut self.train,
            Some(Split::Valid) => &mut self.valid,
            Some(Split::Test) => &mut self.test,
        };
        history.write_row(output, 1, user, positive, time)?;
        for negative in negatives {
            history.write_row(output, 0, user, negative, time)?;
        }
        Ok(())
    }

    /// Gives the directory its name.
    pub(crate) fn finish(mut self) -> Result<(), DatasetError> {
        for file in [&mut self.train, &mut self.valid, &mut self.test] {
            file.flush()?;
        }
        Ok(self.staged.commit()?)
    }
}
