//! Values of Arrow arrays as text, Unix seconds or JSON.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal128Type, Decimal256Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};
use serde_json::{Map, Value};
use slirec_core::timestamp::{self, DAY};

/// The array with further nulls; left as it is where arrow does not take them.
pub(super) fn masked(array: &ArrayRef, nulls: &arrow_buffer::NullBuffer) -> ArrayRef {
    let nulls = arrow_buffer::NullBuffer::union(array.nulls(), Some(nulls));
    let data = array.to_data().into_builder().nulls(nulls).build();
    data.map_or_else(|_| array.clone(), arrow_array::make_array)
}

/// What is wrong with a type whose values are no text, number or time; none for those that are.
pub(super) fn unreadable(kind: &DataType) -> Option<String> {
    match kind {
        DataType::Struct(fields) => {
            let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).take(10).collect();
            Some(format!("is a struct: name a field in it, such as COLUMN.{}", names.join(", COLUMN.")))
        }
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => {
            Some("is a list: name its elements, such as COLUMN[] or COLUMN[].FIELD".to_owned())
        }
        DataType::Null
        | DataType::Boolean
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..)
        | DataType::Date32
        | DataType::Date64
        | DataType::Timestamp(..) => None,
        kind if kind.is_numeric() => None,
        kind => Some(format!("has the type {kind}: expected text, a number or a time")),
    }
}

/// The value of a row as text; none for null and for types that are no text or number.
pub(super) fn text_of(array: &ArrayRef, row: usize) -> Option<Cow<'_, str>> {
    if row >= array.len() || array.is_null(row) {
        return None;
    }
    macro_rules! number {
        ($type:ty) => {
            array.as_primitive_opt::<$type>().map(|values| Cow::Owned(values.value(row).to_string()))
        };
    }
    match array.data_type() {
        DataType::Utf8 => array.as_string_opt::<i32>().map(|values| Cow::Borrowed(values.value(row))),
        DataType::LargeUtf8 => array.as_string_opt::<i64>().map(|values| Cow::Borrowed(values.value(row))),
        DataType::Utf8View => array.as_string_view_opt().map(|values| Cow::Borrowed(values.value(row))),
        // Some writers leave out that their bytes are text.
        DataType::Binary => Some(text_of_bytes(array.as_binary_opt::<i32>()?.value(row))),
        DataType::LargeBinary => Some(text_of_bytes(array.as_binary_opt::<i64>()?.value(row))),
        DataType::BinaryView => Some(text_of_bytes(array.as_binary_view_opt()?.value(row))),
        DataType::FixedSizeBinary(_) => Some(text_of_bytes(array.as_fixed_size_binary_opt()?.value(row))),
        DataType::Boolean => array.as_boolean_opt().map(|values| Cow::Owned(values.value(row).to_string())),
        DataType::Decimal128(..) => {
            let text = array.as_primitive_opt::<Decimal128Type>()?.value_as_string(row);
            Some(Cow::Owned(without_zeros(text)))
        }
        DataType::Decimal256(..) => {
            let text = array.as_primitive_opt::<Decimal256Type>()?.value_as_string(row);
            Some(Cow::Owned(without_zeros(text)))
        }
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Float16 => number!(Float16Type),
        DataType::Float32 => number!(Float32Type),
        DataType::Float64 => number!(Float64Type),
        _ => None,
    }
}

/// `10` of the decimal `10.00`.
fn without_zeros(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Bytes that are text as they are, sixteen others as a UUID, all others as hexadecimal digits.
fn text_of_bytes(bytes: &[u8]) -> Cow<'_, str> {
    let printable = |text: &&str| !text.chars().any(char::is_control);
    if let Some(text) = std::str::from_utf8(bytes).ok().filter(printable) {
        return Cow::Borrowed(text);
    }
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default().concat();
    if bytes.len() == 16 {
        let parts = [part(0..4), part(4..6), part(6..8), part(8..10), part(10..16)];
        return Cow::Owned(parts.join("-"));
    }
    Cow::Owned(digits.concat())
}

/// Unix seconds of a number that is a usable time, without making text of it; none for all else.
pub(super) fn number_of(array: &ArrayRef, row: usize) -> Option<f64> {
    if row >= array.len() || array.is_null(row) {
        return None;
    }
    let number = match array.data_type() {
        // What 53 bits do not hold is no time.
        DataType::Int64 => array.as_primitive_opt::<Int64Type>()?.value(row) as f64,
        DataType::UInt64 => array.as_primitive_opt::<UInt64Type>()?.value(row) as f64,
        DataType::Int32 => array.as_primitive_opt::<Int32Type>()?.value(row).into(),
        DataType::UInt32 => array.as_primitive_opt::<UInt32Type>()?.value(row).into(),
        DataType::Float64 => array.as_primitive_opt::<Float64Type>()?.value(row),
        _ => return None,
    };
    timestamp::from_number(number).ok()
}

/// Unix seconds of typed times, and whether they are whole days; the outer none says that the type is another.
pub(super) fn seconds_of(array: &ArrayRef, row: usize) -> Option<Option<(f64, bool)>> {
    let scale = match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => 1.0,
        DataType::Timestamp(TimeUnit::Millisecond, _) | DataType::Date64 => 1e3,
        DataType::Timestamp(TimeUnit::Microsecond, _) => 1e6,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => 1e9,
        DataType::Date32 => 1.0 / DAY,
        _ => return None,
    };
    if row >= array.len() || array.is_null(row) {
        return Some(None);
    }
    let value = match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => array.as_primitive_opt::<TimestampSecondType>()?.value(row),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            array.as_primitive_opt::<TimestampMillisecondType>()?.value(row)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            array.as_primitive_opt::<TimestampMicrosecondType>()?.value(row)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => array.as_primitive_opt::<TimestampNanosecondType>()?.value(row),
        DataType::Date64 => array.as_primitive_opt::<Date64Type>()?.value(row),
        _ => i64::from(array.as_primitive_opt::<Date32Type>()?.value(row)),
    };
    let whole_day = matches!(array.data_type(), DataType::Date32 | DataType::Date64);
    // Microseconds of our centuries are below 2^53: the division rounds to the nearest `f64` of the decimal.
    Some(Some((value as f64 / scale, whole_day)))
}

/// The value of a row as JSON: structs as objects, lists as arrays, times as text.
pub(super) fn json_of(array: &ArrayRef, row: usize) -> Value {
    if row >= array.len() || array.is_null(row) {
        return Value::Null;
    }
    let list = |elements: ArrayRef| (0..elements.len()).map(|element| json_of(&elements, element)).collect();
    match array.data_type() {
        DataType::Struct(_) => array.as_struct_opt().map_or(Value::Null, |fields| {
            let names = fields.column_names();
            let values = names.iter().zip(fields.columns());
            Value::Object(
                values.map(|(name, values)| ((*name).to_owned(), json_of(values, row))).collect::<Map<_, _>>(),
            )
        }),
        DataType::List(_) => array.as_list_opt::<i32>().map_or(Value::Null, |lists| list(lists.value(row))),
        DataType::LargeList(_) => array.as_list_opt::<i64>().map_or(Value::Null, |lists| list(lists.value(row))),
        DataType::FixedSizeList(..) => {
            array.as_fixed_size_list_opt().map_or(Value::Null, |lists| list(lists.value(row)))
        }
        _ => match seconds_of(array, row) {
            Some(time) => time.map_or(Value::Null, |(seconds, whole_day)| Value::String(iso(seconds, whole_day))),
            None => text_of(array, row).map_or(Value::Null, |text| Value::String(text.into_owned())),
        },
    }
}

/// A time as text that tells its form.
fn iso(seconds: f64, whole_day: bool) -> String {
    // The conversion saturates: what is out of range stays out of the range that is accepted.
    let timestamp = jiff::Timestamp::from_microsecond((seconds * 1e6) as i64).unwrap_or(jiff::Timestamp::MAX);
    let text = timestamp.to_string();
    if whole_day { text.split('T').next().unwrap_or_default().to_owned() } else { text }
}
