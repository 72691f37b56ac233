//! `inputs` and `instances`: one row as an object, several rows as a list of objects, or columns of equal length.
//!
//! MLflow itself accepts neither columns nor `instances` for a signature with lists; both mean one thing only, so they
//! are answered here.

use slirec_engine::ViewHistory;

use super::array_shape;
use super::json::Json;
use super::python_text;
use super::refusal::{Name, Refusal, missing_inputs};
use super::signature::{self, COLUMNS, CellProblem, LIST_COLUMNS};

/// Reads `inputs`.
pub(crate) fn from_inputs(payload: &Json) -> Result<Vec<ViewHistory>, Refusal> {
    if is_columns(payload) { from_columns(payload) } else { from_rows(payload) }
}

/// Reads `instances`, which are rows. MLflow makes columns of them: rows that give no columns have reasons of their own.
pub(crate) fn from_instances(payload: &Json) -> Result<Vec<ViewHistory>, Refusal> {
    let rows = payload.elements().unwrap_or_default();
    if rows.first().is_some_and(Json::is_object)
        && let Some(other) = rows.iter().find(|row| !row.is_object())
    {
        let found = other.python_type();
        return Err(no_columns(&format!("AttributeError(\"'{found}' object has no attribute 'items'\")")));
    }
    if !rows.is_empty() && rows.iter().all(|row| matches!(row, Json::Object(members) if members.is_empty())) {
        return from_rows(&Json::Object(Vec::new()));
    }
    from_rows(payload).map_err(|refusal| match uneven_column(rows) {
        Some(problem) if refusal.code == "INVALID_PARAMETER_VALUE" => no_columns(&format!("ValueError('{problem}')")),
        _ => refusal,
    })
}

fn no_columns(problem: &str) -> Refusal {
    Refusal::invalid_input(&format!("Ensure that the input is a valid JSON-formatted string.\nError: {problem}"))
}

/// Numpy's reason for the first column of lists whose lengths differ.
fn uneven_column(rows: &[Json]) -> Option<String> {
    LIST_COLUMNS.iter().find_map(|column| {
        let cells: Vec<&Json> = rows.iter().filter_map(|row| row.member(column)).collect();
        array_shape::of(cells.into_iter()).err()
    })
}

/// Reads a whole request as one row, as MLflow does with `messages`, `prompt` or `input` at the top.
pub(crate) fn from_request(request: &Json) -> Result<Vec<ViewHistory>, Refusal> {
    let refused = |problem: &str| Refusal::schema(&python_text::repr(request), problem);
    check_columns(std::slice::from_ref(request)).map_err(|problem| refused(&problem))?;
    if let Some(found) = request.member("userId").and_then(signature::number_type) {
        let problem = format!("Incompatible input types for column userId. Can not safely convert {found} to <U0.");
        return Err(refused(&problem));
    }
    let array = |column: &str| array(request, column).map_err(|problem| refused(&problem.message()));
    Ok(vec![signature::session(0, array("items")?, array("timestamps")?)?])
}

fn from_rows(payload: &Json) -> Result<Vec<ViewHistory>, Refusal> {
    let rows = match payload {
        Json::Object(_) => std::slice::from_ref(payload),
        Json::List(rows) if rows.iter().all(Json::is_object) => rows,
        Json::List(values) => return Err(list_of_values(values)),
        _ => {
            let problem = missing_inputs(&COLUMNS, &[Name::position(0)]).unwrap_or_default();
            return Err(Refusal::schema(&python_text::plain(payload), &problem));
        }
    };
    for row in rows {
        check_cells(row).map_err(|problem| Refusal::invalid_input(&problem))?;
    }
    let refused = |problem: &str| Refusal::schema(&python_text::repr(payload), problem);
    check_columns(rows).map_err(|problem| refused(&problem))?;
    let array = |row, column| array(row, column).map_err(|problem| refused(&problem.message()));
    // MLflow looks at the types of all rows before the model looks at the values of one.
    let arrays = rows.iter().map(|row| Ok((array(row, "items")?, array(row, "timestamps")?)));
    let arrays = arrays.collect::<Result<Vec<_>, Refusal>>()?;
    let rows = arrays.into_iter().enumerate();
    rows.map(|(number, (items, timestamps))| signature::session(number, items, timestamps)).collect()
}

/// Every cell must make an array, in the order of the cells.
fn check_cells(row: &Json) -> Result<(), String> {
    let Json::Object(members) = row else { return Ok(()) };
    let lists = LIST_COLUMNS.map(|column| row.member(column));
    for (name, value) in members {
        if !LIST_COLUMNS.contains(&name.as_str()) {
            array_shape::of(value.elements().unwrap_or_default().iter())?;
        } else if lists.iter().flatten().any(|last| std::ptr::eq(*last, value)) {
            signature::check_array(value).map_err(CellProblem::message)?;
        }
    }
    Ok(())
}

/// Every column of the signature must stand in one of the rows; whether it stands in each is the cells' matter.
fn check_columns(rows: &[Json]) -> Result<(), String> {
    let standing = COLUMNS.iter().filter(|column| rows.iter().any(|row| row.member(column).is_some()));
    let mut names: Vec<Name> = standing.map(|column| Name::Text((*column).to_owned())).collect();
    if names.len() == COLUMNS.len() {
        return Ok(());
    }
    if let Some(Json::Object(members)) = rows.first() {
        names.extend(members.iter().map(|(name, _)| Name::Text(name.clone())));
    }
    missing_inputs(&COLUMNS, &names).map_or(Ok(()), Err)
}

fn array<'a>(row: &'a Json, column: &str) -> Result<&'a [Json], CellProblem> {
    signature::check_array(row.member(column).ok_or(CellProblem::NotAList("float"))?)
}

/// A list of anything but rows: a table without names to MLflow.
fn list_of_values(values: &[Json]) -> Refusal {
    let shape = match array_shape::of(values.iter()) {
        Ok(shape) => shape,
        Err(problem) => return Refusal::invalid_input(&problem),
    };
    let problem = match shape.as_slice() {
        [] | [_] => missing_inputs(&COLUMNS, &[Name::position(0)]),
        [_, width] => missing_inputs(&COLUMNS, &(0..*width.min(&100)).map(Name::position).collect::<Vec<_>>()),
        _ => Some(format!("Must pass 2-d input. shape={}", array_shape::tuple(&shape))),
    };
    let data = if shape.contains(&0) { "[]".to_owned() } else { python_text::array_of_text(values) };
    Refusal::schema(&data, &problem.unwrap_or_default())
}

/// Columns are meant when users are a list and both histories are lists of lists.
fn is_columns(payload: &Json) -> bool {
    let of_lists = |column: &str| {
        let cells = payload.member(column).and_then(Json::elements);
        cells.is_some_and(|cells| !cells.is_empty() && cells.iter().all(Json::is_list))
    };
    payload.member("userId").is_some_and(Json::is_list) && LIST_COLUMNS.iter().all(|column| of_lists(column))
}

fn from_columns(payload: &Json) -> Result<Vec<ViewHistory>, Refusal> {
    let column = |name: &str| payload.member(name).and_then(Json::elements).unwrap_or_default();
    let [users, items, timestamps] = COLUMNS.map(column);
    if items.len() != timestamps.len() || items.len() != users.len() {
        return Err(Refusal::invalid_input(&format!(
            "The length of values for each input/column name are not the same: found {} userId, {} items and {} timestamps",
            users.len(),
            items.len(),
            timestamps.len()
        )));
    }
    let array = |cell| signature::check_array(cell).map_err(|problem| Refusal::invalid_input(&problem.message()));
    let rows = items.iter().zip(timestamps).enumerate();
    rows.map(|(number, (items, timestamps))| signature::session(number, array(items)?, array(timestamps)?)).collect()
}
