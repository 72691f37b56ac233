//! `slirec import tensorflow`: a checkpoint of the original and its pickles enter, a checked bundle leaves.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use slirec_connect::original::{OriginalVocabulary, inventory, with_trained_categories};
use slirec_connect::tensorflow::Checkpoint;
use slirec_core::catalog::Catalog;
use slirec_train::weights::{Array, Weights, is_tensorflow_weight};

use crate::export::{self, Program, Target};

/// What the original calls its files, each as a pickle or as JSON.
const ITEMS: &[&str] = &["item_vocab.pkl", "item_vocab.json"];
const CATEGORIES: &[&str] = &["cate_vocab.pkl", "cate_vocab.json"];
const ITEM_CATEGORIES: &[&str] =
    &["item_cat_dict.pkl", "item_category.pkl", "item_cat_dict.json", "item_category.json"];
const INVENTORY: &[&str] = &["inventory.pkl"];

/// Convert a checkpoint of the original, without TensorFlow
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The checkpoint without the endings .index and .data-…, such as model/best_model
    #[arg(value_name = "PREFIX")]
    prefix: PathBuf,
    /// Directory of item_vocab, cate_vocab, item_cat_dict and inventory (.pkl; .json too but for the last); they are
    /// read as data, nothing in them is run
    #[arg(long, value_name = "DIRECTORY")]
    vocabularies: PathBuf,
    /// Catalogue to serve instead of the inventory, as `slirec catalog` writes it
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// Give products the catalogue's category even where the item was trained with another
    #[arg(long)]
    catalog_categories: bool,
    /// Positions of a history that the model uses: the original's max_seq_length, which a checkpoint does not hold
    #[arg(long, default_value_t = 50)]
    longest_history: usize,
    /// Name of the model
    #[arg(long, default_value = "slirec")]
    name: String,
    /// Version of the model
    #[arg(long, default_value = "1")]
    version: String,
    /// Bundle directory to write
    #[arg(long, value_name = "DIRECTORY")]
    output: PathBuf,
    /// ONNX Runtime's shared library; by default from ORT_DYLIB_PATH
    #[arg(long, value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
    /// Replace an earlier bundle
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let folder = &arguments.vocabularies;
    let (items, categories) = (find(folder, ITEMS)?, find(folder, CATEGORIES)?);
    let item_categories = find(folder, ITEM_CATEGORIES)?;
    let original = OriginalVocabulary { items: &items, categories: &categories, item_categories: &item_categories };
    let vocabulary = original.read(&|_| 0)?;
    let catalog = match &arguments.catalog {
        Some(path) => Catalog::read(path)?,
        None => inventory::read(&find(folder, INVENTORY).context("no --catalog is given")?)?.catalog,
    };
    let catalog = if arguments.catalog_categories { catalog } else { trained(&catalog, &original)? };

    let checkpoint = Checkpoint::open(&arguments.prefix)?;
    let tensors = checkpoint.tensors(is_tensorflow_weight)?;
    let count = tensors.len();
    let tensors = tensors.into_iter();
    let arrays = tensors.map(|(name, tensor)| (name, Array { shape: tensor.shape, values: tensor.values }));
    let weights = Weights::from_tensorflow(arrays);
    let mut sizes = weights.sizes().with_context(|| {
        let path = checkpoint.index().display();
        format!("{path}: holds no weights of SLi-Rec: expected tensors such as `sequential/embedding/item_embedding`")
    })?;
    sizes.longest_history = arguments.longest_history;
    let source = export::of_imported(weights, sizes, vocabulary, checkpoint.index(), None)
        .context("the checkpoint and the vocabularies do not belong together")?;
    say!("{}: {count} tensors, {} items", arguments.prefix.display(), source.vocabulary.items().len())?;
    let target = Target {
        name: &arguments.name,
        version: &arguments.version,
        output: &arguments.output,
        replace: arguments.force,
    };
    let program = Program { onnxruntime: arguments.onnxruntime.as_deref(), key: None };
    export::write_bundle(&source, &catalog, &target, program)
}

/// The catalogue with the categories that the weights know.
fn trained(catalog: &Catalog, original: &OriginalVocabulary<'_>) -> Result<Catalog> {
    let (catalog, changed) = with_trained_categories(catalog, &original.category_by_handle()?);
    if changed > 0 {
        say!(
            "{changed} products keep the category that they were trained with, which is not the catalogue's \
             (--catalog-categories takes the catalogue's)"
        )?;
    }
    Ok(catalog)
}

/// The first of the names that exists.
fn find(folder: &Path, names: &[&str]) -> Result<PathBuf> {
    let mut paths = names.iter().map(|name| folder.join(name));
    match paths.find(|path| path.is_file()) {
        Some(path) => Ok(path),
        None => bail!("{}: holds none of {}: expected the original's files", folder.display(), names.join(", ")),
    }
}
