//! JSON: lines, lists, or objects that follow each other, with dots in a column's name for keys within keys.

use std::collections::BTreeSet;

use serde_json::Value;
use slirec_core::catalog::Product;

use super::{Lines, ProductTable};
use crate::closest::no_column;
use crate::events::table::Column;
use crate::text::line_at;

/// Objects with the lines that they begin at, of lines, a list, or objects that follow each other.
pub(crate) fn objects(text: &str, each: &str) -> Lines<Value> {
    let mut objects: Vec<(u64, Value)> = Vec::new();
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    loop {
        let place = documents.byte_offset();
        let start = place + text.get(place..).map_or(0, |rest| rest.len() - rest.trim_start().len());
        match documents.next() {
            None => break,
            Some(Err(error)) => return Err((error.line() as u64, error.to_string())),
            Some(Ok(Value::Array(list))) => objects.extend(list.into_iter().map(|entry| (line_at(text, start), entry))),
            Some(Ok(document)) => objects.push((line_at(text, start), document)),
        }
    }
    if let Some((line, other)) = objects.iter().find(|(_, object)| !object.is_object()) {
        let kind = if other.is_array() { "a list" } else { "a value" };
        return Err((*line, format!("found {kind}: expected an object for each {each}")));
    }
    Ok(objects)
}

pub(super) fn read(table: &ProductTable, text: &str) -> Lines<Product> {
    let objects = objects(text, "product")?;
    if let Some(column) =
        table.columns().find(|column| objects.iter().all(|(_, object)| find(object, column).is_none()))
    {
        let mut names = BTreeSet::new();
        objects.iter().for_each(|(_, object)| keys(object, "", &mut names));
        return Err((1, no_column(column.name(), names.iter().map(String::as_str))));
    }
    let product = |(line, object): (u64, Value)| {
        let separator = table.category_separator.as_deref().unwrap_or(", ");
        let value = |column: &Column| {
            let of_category = table.category.as_ref() == Some(column) && table.category_separator.is_none();
            text_of(find(&object, column)?, separator, of_category)
        };
        Ok((line, table.product(&value).map_err(|problem| (line, problem))?))
    };
    objects.into_iter().map(product).collect()
}

/// The value of a column: a key, or keys within keys. `[]` behind a key says that its value is a list, which is seen anyway.
fn find<'a>(object: &'a Value, column: &Column) -> Option<&'a Value> {
    let name = column.name().strip_suffix("[]").unwrap_or(column.name());
    object.get(name).or_else(|| name.split('.').try_fold(object, |object, key| object.get(key)))
}

/// A value as text; of a list its entries, or only the first.
fn text_of(value: &Value, separator: &str, first_only: bool) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Array(list) => {
            let mut texts = list.iter().filter_map(|entry| text_of(entry, separator, first_only));
            if first_only { texts.next() } else { Some(texts.collect::<Vec<_>>().join(separator)) }
        }
        other => Some(other.to_string()),
    }
}

/// Names of the keys, those within objects behind dots.
fn keys(value: &Value, before: &str, names: &mut BTreeSet<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let name = format!("{before}{key}");
        if value.is_object() {
            keys(value, &format!("{name}."), names);
        } else {
            names.insert(name);
        }
    }
}
