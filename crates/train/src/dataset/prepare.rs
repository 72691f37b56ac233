//! Interactions become a dataset: ordered by user, split, given ids, with negatives for evaluation.
//!
//! Three passes, each streaming: the file is read and sorted into runs, the sorted records are counted, the ids are
//! written. In memory are the names and one run, never the interactions (see `docs/FORMATS.md` for measured peaks).

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use slirec_core::files::{self, FileError, StagedDirectory};
use slirec_core::interactions::{InteractionReader, InteractionSource, ReadError};
use slirec_core::vocabulary::{Feature, Item, Vocabulary};

use super::columns::{self, Column};
use super::names::Names;
use super::negatives::NegativeSampler;
use super::original::{ExpandedHistory, OriginalFiles};
use super::sort::{MOST_RUNS, RUN_LENGTH, Record, Sorted, Sorter};
use super::{
    DatasetError, EVALUATION, FORMAT, INTERACTIONS, MANIFEST, Manifest, Rows, Split, USERS, VOCABULARY, split_of,
};

/// How to prepare.
#[derive(Debug, Clone)]
pub struct PrepareOptions {
    /// The interactions file; gzip is recognised, `-` is standard input.
    pub interactions: PathBuf,
    /// The dataset directory.
    pub output: PathBuf,
    /// Seed of the negatives.
    pub seed: u64,
    /// Keep the file's order within a user instead of ordering by time.
    pub keep_order: bool,
    /// Leave out lines that cannot be read instead of stopping.
    pub skip_bad_lines: bool,
    /// Also write the original's expanded files into this directory.
    pub export_original: Option<PathBuf>,
    /// Replace an earlier dataset.
    pub replace: bool,
    /// Negatives of each validation row.
    pub valid_negatives: NonZeroUsize,
    /// Negatives of each test row.
    pub test_negatives: NonZeroUsize,
}

/// What happened besides the dataset.
#[derive(Debug)]
pub struct PrepareReport {
    /// The dataset's manifest.
    pub manifest: Manifest,
    /// The first lines that were left out.
    pub skipped: Vec<String>,
}

/// How many skipped lines are kept for the report.
const SHOWN_SKIPPED: usize = 5;

/// Prepares a dataset of the interactions file. `progress` is called with a step's name and the interactions done so far.
///
/// # Errors
/// [`DatasetError`]; the output directory then does not exist.
pub fn prepare(
    options: &PrepareOptions,
    progress: &mut dyn FnMut(&'static str, u64),
) -> Result<PrepareReport, DatasetError> {
    let mut reader = InteractionReader::new(files::open_text(&options.interactions)?);
    prepare_from(options, &mut reader, progress)
}

/// Prepares a dataset of interactions from elsewhere; the path in the options only names them in errors.
///
/// # Errors
/// [`DatasetError`]; the output directory then does not exist.
pub fn prepare_from(
    options: &PrepareOptions,
    source: &mut dyn InteractionSource,
    progress: &mut dyn FnMut(&'static str, u64),
) -> Result<PrepareReport, DatasetError> {
    let staged = StagedDirectory::create(&options.output, MANIFEST, options.replace)?;
    let export = options.export_original.as_deref().map(|directory| OriginalFiles::create(directory, options.replace));
    let export = export.transpose()?;
    let mut collected = collect(options, source, staged.path(), progress)?;
    let counts = count(&mut collected)?;
    check(options, &collected, &counts)?;
    let vocabulary = build_vocabulary(&collected, &counts)
        .map_err(|problem| DatasetError::Invalid { path: options.interactions.clone(), problem })?;
    vocabulary.write(&staged.path().join(VOCABULARY))?;
    let rows = write_columns(options, staged.path(), &mut collected, &vocabulary, export, progress)?;
    let hash = |name: &str| files::sha256_of_file(&staged.path().join(name));
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        interactions: collected.total,
        users: collected.users.len() as u64,
        items: counts.items.len(),
        categories: counts.categories.len(),
        rows,
        valid_negatives: options.valid_negatives.get(),
        test_negatives: options.test_negatives.get(),
        seed: options.seed,
        order: if options.keep_order { "file" } else { "time" }.to_owned(),
        first_time: collected.first_time,
        last_time: collected.last_time,
        skipped_lines: collected.skipped_lines,
        interactions_sha256: hash(INTERACTIONS)?,
        evaluation_sha256: hash(EVALUATION)?,
        vocabulary_sha256: hash(VOCABULARY)?,
    };
    files::write_json(&staged.path().join(MANIFEST), &manifest)?;
    staged.commit()?;
    Ok(PrepareReport { manifest, skipped: collected.skipped })
}

/// Everything that the first pass learns.
struct Collected {
    users: Names,
    items: Names,
    categories: Names,
    /// Rows of each item in the whole file, by their weights: negatives are drawn by them.
    item_rows: Vec<u64>,
    /// Category of each item's last row.
    item_category: Vec<u32>,
    total: u64,
    first_time: f64,
    last_time: f64,
    skipped_lines: u64,
    skipped: Vec<String>,
    sorted: Sorted,
}

fn collect(
    options: &PrepareOptions,
    source: &mut dyn InteractionSource,
    directory: &Path,
    progress: &mut dyn FnMut(&'static str, u64),
) -> Result<Collected, DatasetError> {
    let path = &options.interactions;
    let mut sorter = Sorter::new(directory, !options.keep_order, RUN_LENGTH, MOST_RUNS);
    let (mut users, mut items, mut categories) = (Names::default(), Names::default(), Names::default());
    let (mut item_rows, mut item_category) = (Vec::new(), Vec::new());
    let (mut total, mut skipped_lines, mut skipped) = (0, 0, Vec::new());
    let (mut first_time, mut last_time) = (f64::INFINITY, f64::NEG_INFINITY);
    let too_many = || DatasetError::Invalid { path: path.clone(), problem: "has more than 2^32 names".into() };
    while let Some(row) = source.next_weighted() {
        let (row, weight) = match row {
            Ok(row) => row,
            Err(ReadError::Line(error)) if options.skip_bad_lines => {
                skipped_lines += 1;
                if skipped.len() < SHOWN_SKIPPED {
                    skipped.push(error.to_string());
                }
                continue;
            }
            Err(source) => return Err(DatasetError::Interaction { path: path.clone(), source }),
        };
        let record = Record {
            user: users.index(row.user).ok_or_else(too_many)?,
            item: items.index(row.item).ok_or_else(too_many)?,
            category: categories.index(row.category).ok_or_else(too_many)?,
            time: row.timestamp,
            sequence: total,
            weight,
        };
        item_rows.resize(items.len(), 0);
        item_category.resize(items.len(), 0);
        if let (Some(rows), Some(category)) =
            (item_rows.get_mut(record.item as usize), item_category.get_mut(record.item as usize))
        {
            *rows += u64::from(weight);
            *category = record.category;
        }
        first_time = first_time.min(record.time);
        last_time = last_time.max(record.time);
        sorter.push(record)?;
        total += 1;
        if total % 50_000 == 0 {
            progress("reading", total);
        }
    }
    let sorted = sorter.finish(&mut |done| progress("sorting", done))?;
    Ok(Collected {
        users,
        items,
        categories,
        item_rows,
        item_category,
        total,
        first_time,
        last_time,
        skipped_lines,
        skipped,
        sorted,
    })
}

/// Training interactions of each item and category by their weights, most frequent first, ties in order of first
/// appearance.
struct Counts {
    items: Vec<(u32, u64)>,
    categories: Vec<(u32, u64)>,
}

fn count(collected: &mut Collected) -> Result<Counts, DatasetError> {
    let mut items = vec![0_u64; collected.items.len()];
    let mut categories = vec![0_u64; collected.categories.len()];
    let visit = |records: &[Record]| -> Result<(), io::Error> {
        for (position, record) in records.iter().enumerate() {
            if split_of(position, records.len()).is_none() {
                for count in [items.get_mut(record.item as usize), categories.get_mut(record.category as usize)] {
                    *count.ok_or(io::ErrorKind::InvalidData)? += u64::from(record.weight);
                }
            }
        }
        Ok(())
    };
    collected.sorted.for_each_user(visit)?;
    Ok(Counts { items: by_frequency(&items), categories: by_frequency(&categories) })
}

fn by_frequency(counts: &[u64]) -> Vec<(u32, u64)> {
    let mut seen: Vec<(u32, u64)> = (0..).zip(counts.iter().copied()).filter(|(_, count)| *count > 0).collect();
    seen.sort_by_key(|(index, count)| (std::cmp::Reverse(*count), *index));
    seen
}

fn check(options: &PrepareOptions, collected: &Collected, counts: &Counts) -> Result<(), DatasetError> {
    let invalid = |problem| Err(DatasetError::Invalid { path: options.interactions.clone(), problem });
    if collected.total == 0 {
        return invalid("holds no interactions".to_owned());
    }
    if counts.items.is_empty() {
        return invalid(format!(
            "has {} interactions of {} users but no training rows: expected a user with at least 3 interactions",
            collected.total,
            collected.users.len()
        ));
    }
    if collected.users.len() == 1 {
        return invalid(
            "has the interactions of one user only: expected more, to learn what shoppers share".to_owned(),
        );
    }
    let needed = options.valid_negatives.max(options.test_negatives).get().saturating_add(1);
    if collected.items.len() < needed {
        return invalid(format!(
            "has {} different items: expected at least {needed}, to draw {} negatives beside a positive",
            collected.items.len(),
            needed - 1
        ));
    }
    Ok(())
}

fn build_vocabulary(collected: &Collected, counts: &Counts) -> Result<Vocabulary, String> {
    let values = counts.categories.iter().map(|(index, _)| collected.categories.name(*index).to_owned()).collect();
    let feature = Feature { name: "category".to_owned(), values };
    let category_ids = ids(&counts.categories, collected.categories.len());
    let items = counts
        .items
        .iter()
        .map(|(index, interactions)| {
            let category = collected.item_category.get(*index as usize).copied().unwrap_or_default();
            Item {
                handle: collected.items.name(*index).to_owned(),
                interactions: *interactions,
                features: vec![category_ids.get(category as usize).copied().unwrap_or_default()],
            }
        })
        .collect();
    Vocabulary::new(vec![feature], items)
}

/// Vocabulary id of every index: its rank from 1 on, 0 for what training does not hold.
fn ids(ranked: &[(u32, u64)], total: usize) -> Vec<u32> {
    let mut ids = vec![0; total];
    for (id, (index, _)) in (1..).zip(ranked) {
        if let Some(slot) = ids.get_mut(*index as usize) {
            *slot = id;
        }
    }
    ids
}

/// The negatives of one split while they are written.
struct NegativeColumns {
    sampler: NegativeSampler,
    each: usize,
    items: Column,
    categories: Column,
    rows: u64,
}

fn write_columns(
    options: &PrepareOptions,
    directory: &Path,
    collected: &mut Collected,
    vocabulary: &Vocabulary,
    mut export: Option<OriginalFiles>,
    progress: &mut dyn FnMut(&'static str, u64),
) -> Result<Rows, DatasetError> {
    let Collected { users, items, categories, item_rows, item_category, sorted, .. } = collected;
    let item_ids: Vec<u32> = items.all().iter().map(|name| vocabulary.item_id(name)).collect();
    let category_ids: Vec<u32> = categories.all().iter().map(|name| vocabulary.feature_id(0, name)).collect();
    let id = |ids: &[u32], index: u32| ids.get(index as usize).copied().unwrap_or_default().to_le_bytes();

    let mut item_column = Column::ids(directory, "items")?;
    let mut category_column = Column::ids(directory, "categories")?;
    let mut time_column = Column::floats(directory, "times")?;
    let mut offset_column = Column::counts(directory, "user_offsets")?;
    let negatives = |split: Split, each: NonZeroUsize, names: [&'static str; 2]| -> io::Result<NegativeColumns> {
        Ok(NegativeColumns {
            sampler: NegativeSampler::new(item_rows, options.seed, split),
            each: each.get(),
            items: Column::ids(directory, names[0])?,
            categories: Column::ids(directory, names[1])?,
            rows: 0,
        })
    };
    let mut valid = negatives(Split::Valid, options.valid_negatives, ["valid_items", "valid_categories"])?;
    let mut test = negatives(Split::Test, options.test_negatives, ["test_items", "test_categories"])?;
    let mut user_file =
        BufWriter::new(File::create(directory.join(USERS)).map_err(FileError::io("write", &directory.join(USERS)))?);

    let (mut written, mut train_rows) = (0_u64, 0_u64);
    offset_column.push(&written.to_le_bytes())?;
    sorted.for_each_user(|records| -> Result<(), DatasetError> {
        let user = records.first().map(|record| users.name(record.user)).unwrap_or_default();
        writeln!(user_file, "{user}")?;
        let mut expanded = ExpandedHistory::default();
        for (position, record) in records.iter().enumerate() {
            item_column.push(&id(&item_ids, record.item))?;
            category_column.push(&id(&category_ids, record.category))?;
            time_column.push(&record.time.to_le_bytes())?;
            let split = split_of(position, records.len());
            let mut drawn = Vec::new();
            let columns = match split {
                Some(Split::Valid) => Some(&mut valid),
                Some(Split::Test) => Some(&mut test),
                None => None,
            };
            match columns {
                Some(columns) if position > 0 => {
                    drawn = columns.sampler.draw(record.item, columns.each);
                    for item in &drawn {
                        let category = item_category.get(*item as usize).copied().unwrap_or_default();
                        columns.items.push(&id(&item_ids, *item))?;
                        columns.categories.push(&id(&category_ids, category))?;
                    }
                    columns.rows += 1;
                }
                None if position > 0 => train_rows += 1,
                _ => {}
            }
            if let Some(export) = &mut export {
                let names = |item: u32, category: u32| (items.name(item), categories.name(category));
                if position > 0 {
                    let negatives = drawn
                        .iter()
                        .map(|item| names(*item, item_category.get(*item as usize).copied().unwrap_or_default()));
                    let positive = names(record.item, record.category);
                    export.write(split, &expanded, user, record.time, positive, negatives)?;
                }
                let (item, category) = names(record.item, record.category);
                expanded.push(item, category, record.time);
            }
        }
        written += records.len() as u64;
        offset_column.push(&written.to_le_bytes())?;
        progress("writing", written);
        Ok(())
    })?;
    user_file.flush()?;
    if let Some(export) = export {
        export.finish()?;
    }
    columns::write(&directory.join(INTERACTIONS), vec![item_column, category_column, time_column, offset_column])?;
    let rows = Rows { train: train_rows, valid: valid.rows, test: test.rows };
    let evaluation = vec![valid.items, valid.categories, test.items, test.categories];
    columns::write(&directory.join(EVALUATION), evaluation)?;
    Ok(rows)
}
