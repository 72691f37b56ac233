//! Lists of products in any form become one catalogue: files enter, told apart by their content; a [`Catalog`] leaves, with
//! what is to be said of it.
//!
//! Known are our own catalogues, product CSVs and JSON of shops, the original's `inventory.pkl`, and any table whose columns
//! are named.

mod merge;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use slirec_core::catalog::{Catalog, CatalogError, FORMAT, Product};
use slirec_core::files;
use thiserror::Error;

use crate::events::TextEncoding;
use crate::events::input::{Content, Opener};
use crate::events::table::guess;
use crate::original::{OriginalError, inventory};
use crate::product_table::{Lines, ProductTable};
use crate::shop_products::{self, ShopProducts, is_product_csv};
use crate::text::shown;
use crate::whole_table::{TableError, whole};
use merge::Merging;

/// A list of products that cannot be used.
#[derive(Debug, Error)]
pub enum CatalogImportError {
    /// The file, or a row of it.
    #[error(transparent)]
    Table(#[from] TableError),
    /// One of our own catalogues breaks a rule.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The original's snapshot cannot be read.
    #[error(transparent)]
    Original(#[from] OriginalError),
}

/// What files are read and how.
#[derive(Debug, Clone)]
pub struct CatalogImport {
    /// The files, compressed or not; `-` is standard input. Of what several say of one product the last counts.
    pub inputs: Vec<PathBuf>,
    /// Columns of tables; without it only files whose form is known are read.
    pub table: Option<ProductTable>,
    /// Whether rows of one product are one product; otherwise rows that contradict each other are an error.
    pub merge: bool,
    /// The encoding of text; none to tell it by its byte order mark, and to take UTF-8 without one, or else Latin-1.
    pub encoding: Option<TextEncoding>,
}

/// A catalogue, and what is to be said of it.
#[derive(Debug)]
pub struct ImportedCatalog {
    /// The products in order of first appearance.
    pub catalog: Catalog,
    /// Counts of what was joined, left out or guessed.
    pub remarks: Vec<String>,
}

impl CatalogImport {
    /// Reads all files.
    ///
    /// # Errors
    /// [`CatalogImportError`], naming the file, the line and what is wrong with it.
    pub fn run(&self) -> Result<ImportedCatalog, CatalogImportError> {
        let mut merging = Merging::new(self.merge);
        let (mut remarks, mut types) = (Vec::new(), BTreeMap::new());
        let mut declaring = PathBuf::new();
        for path in &self.inputs {
            for (path, found) in self.read(path)? {
                remarks.extend(found.remarks);
                if !found.types.is_empty() {
                    declaring.clone_from(&path);
                    types.extend(found.types);
                }
                for (line, product) in found.products {
                    merging.add(product).map_err(|problem| TableError::Line { path: path.clone(), line, problem })?;
                }
            }
        }
        remarks.extend(merging.remarks());
        let typed = merging.into_catalog(types);
        let catalog = typed.map_err(|problem| TableError::Kind { path: declaring, problem })?;
        Ok(ImportedCatalog { catalog, remarks })
    }

    /// The lists of a file: an archive holds several.
    fn read(&self, path: &Path) -> Result<Vec<(PathBuf, ShopProducts)>, CatalogImportError> {
        if self.table.is_none() && is_pickle(path) {
            return Ok(vec![(path.to_owned(), of_inventory(path)?)]);
        }
        let opener = Opener { directory: &std::env::temp_dir(), encoding: self.encoding };
        let mut lists = Vec::new();
        let opened = opener.open(path, &mut |name, content| {
            lists.push((name.to_owned(), self.list(name, content)));
            Ok(())
        });
        opened.map_err(TableError::from)?;
        lists.into_iter().map(|(name, list)| Ok((name, list?))).collect()
    }

    fn list(&self, path: &Path, content: Content<'_>) -> Result<ShopProducts, CatalogImportError> {
        let kind = |problem: &str| CatalogImportError::from(TableError::kind(path, problem));
        let Content::Text(text) = content else {
            return Err(kind("is a Parquet file: expected CSV or JSON, such as an export of the products"));
        };
        let (text, latin_1) = whole(path, text)?;
        if text.trim().is_empty() {
            return Err(kind("is empty: expected products"));
        }
        let at_line = |(line, problem)| TableError::Line { path: path.to_owned(), line, problem };
        let mut found = match json_key(&text) {
            Some(JsonKind::Catalog) => {
                let catalog = Catalog::parse(&text, path)?;
                ShopProducts {
                    products: catalog.products().iter().map(|product| (1, product.clone())).collect(),
                    types: catalog.declared_types().clone(),
                    remarks: Vec::new(),
                }
            }
            Some(JsonKind::Inventory) if self.table.is_none() => of_inventory(path)?,
            json => match &self.table {
                Some(table) => of_table(table.read(&text)).map_err(at_line)?,
                None if json.is_some() => shop_products::read_json(&text).map_err(at_line)?,
                None => product_csv(&text).map_err(at_line)?,
            },
        };
        if latin_1 {
            let path = path.display();
            found.remarks.push(format!("{path}: is not UTF-8, and was read as Latin-1: --encoding names another one"));
        }
        if found.products.is_empty() {
            return Err(kind("holds no products: expected at least one"));
        }
        Ok(found)
    }
}

/// Whether a file is a pickle: it begins with the version of its protocol, or is called one and ends with the opcode that
/// stops, as those of old protocols do, which are text.
fn is_pickle(path: &Path) -> bool {
    let ends = || -> io::Result<[u8; 2]> {
        let mut file = File::open(path)?;
        let (mut first, mut last) = (0, 0);
        file.read_exact(std::slice::from_mut(&mut first))?;
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(std::slice::from_mut(&mut last))?;
        Ok([first, last])
    };
    let is_called_so = path.extension().is_some_and(|extension| extension == "pkl" || extension == "pickle");
    // What cannot be read is told when it is opened again.
    let ends = if files::is_regular(path) { ends().ok() } else { None };
    ends.is_some_and(|[first, last]| first == 0x80 || is_called_so && last == b'.')
}

fn of_table(products: Lines<Product>) -> Result<ShopProducts, (u64, String)> {
    Ok(ShopProducts { products: products?, ..ShopProducts::default() })
}

fn product_csv(text: &str) -> Result<ShopProducts, (u64, String)> {
    let first = text.lines().next().unwrap_or_default();
    let separator = guess(first.as_bytes());
    let header: Vec<String> = first.split(separator).map(|name| name.trim().trim_matches('"').to_owned()).collect();
    match separator.as_bytes() {
        [separator] if is_product_csv(&header) => shop_products::read_csv(text, *separator),
        _ => Err((
            1,
            format!(
                "is no product export of a shop and no inventory.pkl: expected a header with Handle, Title and Variant SKU, \
                 or --handle and the other columns of a table; found `{}`",
                shown(first)
            ),
        )),
    }
}

fn of_inventory(path: &Path) -> Result<ShopProducts, CatalogImportError> {
    if !files::is_regular(path) {
        let problem = "is an inventory.pkl in a pipe: expected a file, which can be read from its start".to_owned();
        return Err(TableError::Kind { path: path.to_owned(), problem }.into());
    }
    let inventory = inventory::read(path)?;
    let mut remarks = Vec::new();
    if !inventory.repeated_titles.is_empty() {
        let handles = inventory.repeated_titles.join(", ");
        remarks.push(format!(
            "titles that stand for more than one product, told apart by the order of creation: {handles}"
        ));
    }
    if !inventory.uncategorised.is_empty() {
        remarks.push(format!("in no category, listed as `uncategorised`: {}", inventory.uncategorised.join(", ")));
    }
    let products = inventory.catalog.products().iter().cloned().map(|product| (1, product)).collect();
    Ok(ShopProducts { products, remarks, ..ShopProducts::default() })
}

/// Which JSON a text is, if it is JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum JsonKind {
    /// One of our own catalogues.
    Catalog,
    /// The original's snapshot, written as JSON.
    Inventory,
    /// Any other.
    Other,
}

fn json_key(text: &str) -> Option<JsonKind> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let start = text.get(..text.len().min(1 << 12)).unwrap_or(text);
    Some(if start.contains(&format!("\"{FORMAT}\"")) {
        JsonKind::Catalog
    } else if text.contains("\"handle_to_id_dict\"") {
        JsonKind::Inventory
    } else {
        JsonKind::Other
    })
}
