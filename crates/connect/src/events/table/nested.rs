//! Values within JSON: objects, keys and lists enter, the values of columns leave.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::columns::{JOINED, Path};
use crate::events::problem::Problem;

/// Joins lists whose elements belong together by their positions to one list of objects.
pub(super) fn join(value: &mut Value, parallel: &[Vec<String>]) -> Result<(), Problem> {
    if parallel.is_empty() {
        return Ok(());
    }
    let mut joined: Vec<Map<String, Value>> = Vec::new();
    for (number, list) in parallel.iter().enumerate() {
        unfold(value, &list.iter().map(String::as_str).collect::<Vec<_>>(), true);
        let name = list.join(".");
        let elements = down(value, list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if number == 0 {
            joined.resize(elements.len(), Map::new());
        } else if elements.len() != joined.len() {
            let (first, other) = (joined.len(), elements.len());
            return Err(
                format!("the lists have {first} and {other} elements, such as `{name}`: expected as many").into()
            );
        }
        for (object, element) in joined.iter_mut().zip(elements) {
            object.insert(name.clone(), element.clone());
        }
    }
    if let Value::Object(object) = value {
        object.insert(JOINED.to_owned(), joined.into_iter().map(Value::Object).collect());
    }
    Ok(())
}

/// Goes through the lists, outermost first.
pub(super) fn elements<'v>(
    lists: &[Vec<String>],
    row: &mut Vec<&'v Value>,
    visit: &mut dyn FnMut(&[&Value]) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let Some((keys, inner)) = lists.split_first() else { return visit(row) };
    let elements: &'v [Value] = match row.last().copied().and_then(|value| down(value, keys)) {
        Some(Value::Array(elements)) => elements,
        // A list of one is written without its brackets by some.
        Some(object @ Value::Object(_)) => std::slice::from_ref(object),
        _ => &[],
    };
    for element in elements {
        row.push(element);
        let result = self::elements(inner, row, visit);
        row.pop();
        result?;
    }
    Ok(())
}

/// The value of a column as text.
pub(super) fn text_of<'v>(row: &[&'v Value], path: &Path) -> Option<Cow<'v, str>> {
    match find(row, path)? {
        Value::Null => None,
        Value::String(text) => Some(Cow::Borrowed(text.as_str())),
        other => Some(Cow::Owned(other.to_string())),
    }
}

pub(super) fn find<'v>(row: &[&'v Value], path: &Path) -> Option<&'v Value> {
    let object = row.get(path.depth).copied()?;
    // A key may itself hold dots.
    if path.depth == 0
        && path.keys.len() > 1
        && let Some(value) = object.get(path.keys.join("."))
    {
        return Some(value);
    }
    down(object, &path.keys)
}

pub(super) fn down<'v>(value: &'v Value, keys: &[String]) -> Option<&'v Value> {
    keys.iter().try_fold(value, |value, key| {
        let object = value.as_object()?;
        object.get(key).or_else(|| {
            let mut alike = object.iter().filter(|(known, _)| known.eq_ignore_ascii_case(key));
            match (alike.next(), alike.next()) {
                (Some((_, value)), None) => Some(value),
                _ => None,
            }
        })
    })
}

/// Reads text that holds JSON on the way of a path, and at its end where a list stands there.
pub(super) fn unfold(value: &mut Value, keys: &[&str], list: bool) {
    if (list || !keys.is_empty())
        && let Value::String(text) = &*value
        && matches!(text.trim_start().bytes().next(), Some(b'{' | b'['))
        && let Ok(parsed) = serde_json::from_str(text)
    {
        *value = parsed;
    }
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(|element| unfold(element, keys, list)),
        Value::Object(object) => {
            let Some((key, rest)) = keys.split_first() else { return };
            let known = object.keys().find(|known| known == key || known.eq_ignore_ascii_case(key)).cloned();
            if let Some(value) = known.and_then(|known| object.get_mut(&known)) {
                unfold(value, rest, list);
            }
        }
        _ => {}
    }
}
