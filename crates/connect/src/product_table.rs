//! Products of any table: CSV, TSV, text with another separator or JSON lines enters, a [`Catalog`] leaves.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;
use slirec_core::catalog::{Catalog, Product};
use slirec_core::files::{self, FileError};
use thiserror::Error;

use crate::events::table::Column;

/// Category of products that have none.
const UNCATEGORISED: &str = "uncategorised";

/// A table that cannot be used.
#[derive(Debug, Error)]
pub enum ProductTableError {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A row or the header is wrong.
    #[error("{path}:{line}: {problem}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What was found and what was expected.
        problem: String,
    },
}

/// Which columns mean what.
#[derive(Debug, Clone)]
pub struct ProductTable {
    /// The name in histories.
    pub handle: Column,
    /// For people; the handle if there is no such column.
    pub title: Option<Column>,
    /// The category.
    pub category: Option<Column>,
    /// What stands between several categories of a product, of which the first counts.
    pub category_separator: Option<String>,
    /// The global id; without such a column it is made of the handle.
    pub gid: Option<Column>,
    /// Whether it is on sale: `false`, `no`, `0` and nothing are not.
    pub available: Option<Column>,
    /// Columns that become attributes, under their names.
    pub attributes: Vec<Column>,
    /// What stands between columns; none to tell by the first line.
    pub separator: Option<String>,
    /// Whether the first line names the columns.
    pub header: bool,
}

/// Something of a line, or what is wrong with a line.
type Lines<T> = Result<Vec<(u64, T)>, (u64, String)>;

/// A row's values by column.
type Values<'a> = dyn Fn(&Column) -> Option<String> + 'a;

impl ProductTable {
    /// Reads the file; gzip is recognised, `-` is standard input.
    ///
    /// # Errors
    /// [`ProductTableError`], naming the line and what is wrong with it.
    pub fn read(&self, path: &Path) -> Result<Catalog, ProductTableError> {
        let mut input = files::open_text(path)?;
        let start = input.fill_buf().map_err(FileError::io("read", path))?;
        let json = start.trim_ascii_start().starts_with(b"{");
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes).map_err(FileError::io("read", path))?;
        // Old data sets are Latin-1, which is never refused and rarely meant: only what is no UTF-8 is taken for it.
        let text =
            String::from_utf8(bytes).unwrap_or_else(|error| error.as_bytes().iter().copied().map(char::from).collect());
        let wrong = |(line, problem)| ProductTableError::Line { path: path.to_owned(), line, problem };
        let products = if json { self.json(&text) } else { self.separated(&text) }.map_err(wrong)?;
        let lines: Vec<u64> = products.iter().map(|(line, _)| *line).collect();
        let products = products.into_iter().map(|(_, product)| product).collect();
        Catalog::new(products).map_err(|(index, problem)| wrong((lines.get(index).copied().unwrap_or(1), problem)))
    }

    fn json(&self, text: &str) -> Lines<Product> {
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        lines
            .map(|(number, line)| {
                let object: Value = serde_json::from_str(line).map_err(|error| (number, error.to_string()))?;
                let value = |column: &Column| match object.get(column.name())? {
                    Value::Null => None,
                    Value::String(text) => Some(text.clone()),
                    other => Some(other.to_string()),
                };
                Ok((number, self.product(&value).map_err(|problem| (number, problem))?))
            })
            .collect()
    }

    fn separated(&self, text: &str) -> Lines<Product> {
        let first = text.lines().next().unwrap_or_default();
        let separator = self.separator.as_deref().unwrap_or(crate::events::table::guess(first.as_bytes()));
        let mut rows = rows(text, separator)?.into_iter();
        let header = if self.header { rows.next().map(|(_, header)| header).unwrap_or_default() } else { Vec::new() };
        let place = |column: &Column| {
            let by_name = header.iter().position(|name| name.trim() == column.name());
            by_name.or_else(|| column.name().parse::<usize>().ok()?.checked_sub(1))
        };
        let optional = [&self.title, &self.category, &self.gid, &self.available];
        let columns = optional.into_iter().flatten().chain([&self.handle]).chain(&self.attributes);
        if let Some(column) = columns.into_iter().find(|column| place(column).is_none()) {
            let found =
                if self.header { header.join(", ") } else { "no header, so that columns are numbers".to_owned() };
            return Err((1, format!("has no column `{column}`: found {found}")));
        }
        rows.map(|(number, row)| {
            let value = |column: &Column| {
                let value = row.get(place(column)?)?.trim();
                Some(value.to_owned()).filter(|value| !value.is_empty())
            };
            Ok((number, self.product(&value).map_err(|problem| (number, problem))?))
        })
        .collect()
    }

    fn product(&self, value: &Values<'_>) -> Result<Product, String> {
        let of = |column: &Option<Column>| column.as_ref().and_then(value);
        let handle = value(&self.handle).ok_or_else(|| format!("no value in column `{}`", self.handle))?;
        let category = of(&self.category).map(|names| match &self.category_separator {
            Some(separator) => names.split(separator.as_str()).next().unwrap_or_default().trim().to_owned(),
            None => names,
        });
        let available = self.available.as_ref().is_none_or(|column| {
            let found = value(column).unwrap_or_default().to_lowercase();
            !matches!(found.as_str(), "" | "0" | "false" | "no" | "n")
        });
        let attributes = self.attributes.iter().filter_map(|column| Some((column.name().to_owned(), value(column)?)));
        Ok(Product {
            gid: of(&self.gid).unwrap_or_else(|| format!("gid://catalog/Product/{handle}")),
            title: of(&self.title).unwrap_or_else(|| handle.clone()),
            category: category.filter(|name| !name.is_empty()).unwrap_or_else(|| UNCATEGORISED.to_owned()),
            available,
            attributes: attributes.collect::<BTreeMap<_, _>>(),
            handle,
        })
    }
}

/// Rows with the lines that they begin at. A separator of one character may stand in quotes.
fn rows(text: &str, separator: &str) -> Lines<Vec<String>> {
    let [separator_byte] = separator.as_bytes() else {
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        return Ok(lines.map(|(number, line)| (number, line.split(separator).map(str::to_owned).collect())).collect());
    };
    let mut builder = csv::ReaderBuilder::new();
    builder.delimiter(*separator_byte).flexible(true).has_headers(false).quoting(*separator_byte != b'\t');
    let mut reader = builder.from_reader(text.as_bytes());
    let row = |record: Result<csv::StringRecord, csv::Error>| {
        let record = record.map_err(|error| (error.position().map_or(1, csv::Position::line), error.to_string()))?;
        Ok((record.position().map_or(1, csv::Position::line), record.iter().map(str::to_owned).collect()))
    };
    reader.records().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(handle: &str, title: &str, category: &str, header: bool) -> ProductTable {
        ProductTable {
            handle: handle.parse().unwrap(),
            title: Some(title.parse().unwrap()),
            category: Some(category.parse().unwrap()),
            category_separator: Some("|".to_owned()),
            gid: None,
            available: None,
            attributes: Vec::new(),
            separator: None,
            header,
        }
    }

    fn read(table: &ProductTable, text: &[u8]) -> Result<Catalog, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("products");
        std::fs::write(&path, text).unwrap();
        table.read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn movielens_lists_need_flags_alone() {
        let dat = "1::Toy Story (1995)::Animation|Children's|Comedy\n2::Am\u{e9}lie, the film::Drama\n";
        let latin: Vec<u8> = dat.chars().map(|character| character as u8).collect();
        let csv =
            "movieId,title,genres\n1,Toy Story (1995),Animation|Children's|Comedy\n2,\"Am\u{e9}lie, the film\",Drama\n";
        for catalog in [
            read(&table("1", "2", "3", false), dat.as_bytes()).unwrap(),
            read(&table("1", "2", "3", false), &latin).unwrap(),
            read(&table("movieId", "title", "genres", true), csv.as_bytes()).unwrap(),
        ] {
            let titles: Vec<&str> = catalog.products().iter().map(|product| product.title.as_str()).collect();
            assert_eq!(titles, ["Toy Story (1995)", "Amélie, the film"]);
            assert_eq!(catalog.categories(), ["Animation", "Drama"]);
            assert_eq!(catalog.product("1").unwrap().gid, "gid://catalog/Product/1");
        }
    }

    #[test]
    fn json_lines_availability_and_attributes_are_read() {
        let mut table = table("id", "name", "group", true);
        table.available = Some("stock".parse().unwrap());
        table.attributes = vec!["colour".parse().unwrap()];
        let text = concat!(
            r#"{"id": 7, "name": "Mug", "group": "Home", "stock": true, "colour": "red"}"#,
            "\n",
            r#"{"id": "cup", "name": null, "stock": 0}"#
        );
        let catalog = read(&table, text.as_bytes()).unwrap();
        let (mug, cup) = (catalog.product("7").unwrap(), catalog.product("cup").unwrap());
        assert_eq!((mug.available, mug.attributes["colour"].as_str()), (true, "red"));
        assert_eq!((cup.available, cup.title.as_str(), cup.category.as_str()), (false, "cup", "uncategorised"));
    }

    #[test]
    fn wrong_columns_and_repeated_handles_are_named_with_their_lines() {
        let named = table("id", "title", "group", true);
        let message = read(&named, b"id,name,group\n1,Mug,Home\n").unwrap_err();
        assert!(message.ends_with("products:1: has no column `title`: found id, name, group"), "{message}");
        let message = read(&named, b"id,title,group\n1,Mug,Home\n2,Cup,Home\n1,Jug,Home\n").unwrap_err();
        assert!(message.contains("products:4: handle `1` is also that of product 1"), "{message}");
        let message = read(&named, b"id,title,group\n,Mug,Home\n").unwrap_err();
        assert!(message.ends_with("products:2: no value in column `id`"), "{message}");
    }
}
