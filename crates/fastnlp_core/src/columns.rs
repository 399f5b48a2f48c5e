//! Arrow columns in, checked and in one width: what every `*_column` function reads.
//!
//! Columns come over the C interface from other libraries, so nothing about them is trusted:
//! offsets, lengths and UTF-8 are validated once here and believed afterwards.

use std::sync::Arc;

use arrow_array::builder::LargeStringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{
    Array, ArrayRef, Float64Array, GenericBinaryArray, GenericStringArray, LargeBinaryArray,
    LargeListArray, LargeStringArray, OffsetSizeTrait, PrimitiveArray, UInt64Array,
    new_empty_array,
};
use arrow_cast::{CastOptions, cast, cast_with_options};
use arrow_schema::{DataType, Field};
use arrow_select::concat::concat;

use crate::Error;

const TEXT: &str = "a text column (string, large_string, string_view, or UTF-8 binary)";
const BYTES: &str = "a binary column (binary, large_binary or binary_view)";
const TEXT_LISTS: &str = "a list<string> column";
const ID_LISTS: &str = "a list<uint32> column";

/// The chunks of a text column as one `large_string`; nulls stay null.
///
/// # Errors
/// [`Error::ColumnType`] for other types, [`Error::NotUtf8`] and [`Error::Malformed`] for bad data.
pub fn texts(column: &str, chunks: &[ArrayRef]) -> Result<LargeStringArray, Error> {
    Ok(one_column(column, chunks, text_chunk)?.as_string::<i64>().clone())
}

/// The chunks of a column of token lists as one `large_list<large_string>`; null rows and null
/// items stay null.
///
/// # Errors
/// As [`texts`].
pub fn text_lists(column: &str, chunks: &[ArrayRef]) -> Result<LargeListArray, Error> {
    let lists = one_column(column, chunks, |column, _, chunk| {
        list_chunk(column, chunk, TEXT_LISTS, &DataType::LargeUtf8, DataType::is_string)
    })?;
    Ok(lists.as_list::<i64>().clone())
}

/// The chunks of a column of id sets as one `large_list<uint32>`.
///
/// # Errors
/// As [`texts`].
pub fn id_lists(column: &str, chunks: &[ArrayRef]) -> Result<LargeListArray, Error> {
    let lists = one_column(column, chunks, |column, _, chunk| {
        list_chunk(column, chunk, ID_LISTS, &DataType::UInt32, |item| *item == DataType::UInt32)
    })?;
    Ok(lists.as_list::<i64>().clone())
}

/// The chunks of a binary column as one `large_binary`; nulls stay null.
///
/// # Errors
/// As [`texts`].
pub fn bytes(column: &str, chunks: &[ArrayRef]) -> Result<LargeBinaryArray, Error> {
    let bytes = one_column(column, chunks, |column, _, chunk| {
        let found = chunk.data_type();
        if !(found.is_binary() || found.is_null()) {
            return Err(type_error(column, BYTES, found));
        }
        validate(column, 0, chunk)?;
        cast_to(column, chunk, &DataType::LargeBinary)
    })?;
    Ok(bytes.as_binary::<i64>().clone())
}

/// The chunks of a numeric column as float64; nulls stay null.
///
/// # Errors
/// As [`texts`].
pub fn floats(column: &str, chunks: &[ArrayRef]) -> Result<Float64Array, Error> {
    Ok(numbers(column, chunks, "a float64 column", &DataType::Float64)?.as_primitive().clone())
}

/// The chunks of an integer column as uint64; nulls stay null.
///
/// # Errors
/// As [`texts`]; [`Error::Malformed`] for a negative count.
pub fn counts(column: &str, chunks: &[ArrayRef]) -> Result<UInt64Array, Error> {
    Ok(numbers(column, chunks, "a uint64 column", &DataType::UInt64)?.as_primitive().clone())
}

/// The ids of all rows, and the range of row `row` in them.
#[must_use]
pub fn id_values(lists: &LargeListArray) -> &PrimitiveArray<UInt32Type> {
    lists.values().as_primitive::<UInt32Type>()
}

/// The items of row `row` as positions in `lists.values()`.
#[must_use]
pub fn row_range(lists: &LargeListArray, row: usize) -> std::ops::Range<usize> {
    let offsets = lists.value_offsets();
    offsets[row] as usize..offsets[row + 1] as usize
}

/// # Errors
/// [`Error::Lengths`] unless both columns have as many rows.
pub fn same_length(
    (left, left_rows): (&'static str, usize),
    (right, right_rows): (&'static str, usize),
) -> Result<(), Error> {
    if left_rows == right_rows {
        return Ok(());
    }
    Err(Error::Lengths { left, right, left_rows, right_rows })
}

/// Reads every chunk by `read(column, first row, chunk)` and joins what comes out.
fn one_column(
    column: &str,
    chunks: &[ArrayRef],
    read: impl Fn(&str, usize, &ArrayRef) -> Result<ArrayRef, Error>,
) -> Result<ArrayRef, Error> {
    let mut rows = 0;
    let mut parts = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        // The offset of an empty slice points to values that do not come over the C interface.
        let empty = chunk.is_empty().then(|| new_empty_array(chunk.data_type()));
        parts.push(read(column, rows, empty.as_ref().unwrap_or(chunk))?);
        rows += chunk.len();
    }
    let parts: Vec<&dyn Array> = parts.iter().map(|part| &**part).collect();
    concat(&parts).map_err(|error| malformed(column, &error))
}

fn text_chunk(column: &str, first_row: usize, chunk: &ArrayRef) -> Result<ArrayRef, Error> {
    match chunk.data_type() {
        DataType::Binary => binary_texts(column, first_row, chunk.as_binary::<i32>()),
        DataType::LargeBinary => binary_texts(column, first_row, chunk.as_binary::<i64>()),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
            validate(column, first_row, chunk)?;
            cast_to(column, chunk, &DataType::LargeUtf8)
        }
        DataType::Dictionary(_, values) if values.is_string() => {
            validate(column, first_row, chunk)?;
            cast_to(column, chunk, &DataType::LargeUtf8)
        }
        found => Err(type_error(column, TEXT, found)),
    }
}

fn numbers(
    column: &str,
    chunks: &[ArrayRef],
    expected: &'static str,
    to: &DataType,
) -> Result<ArrayRef, Error> {
    one_column(column, chunks, |column, _, chunk| {
        let found = chunk.data_type();
        let readable = if to.is_integer() { found.is_integer() } else { found.is_numeric() };
        if !(readable || found.is_null()) {
            return Err(type_error(column, expected, found));
        }
        validate(column, 0, chunk)?;
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(chunk, to, &strict).map_err(|error| malformed(column, &error))
    })
}

fn list_chunk(
    column: &str,
    chunk: &ArrayRef,
    expected: &'static str,
    item: &DataType,
    accepts: impl Fn(&DataType) -> bool,
) -> Result<ArrayRef, Error> {
    let found = chunk.data_type();
    let readable = match found {
        DataType::List(field) | DataType::LargeList(field) => {
            accepts(field.data_type()) || field.data_type().is_null()
        }
        other => other.is_null(),
    };
    if !readable {
        return Err(type_error(column, expected, found));
    }
    validate(column, 0, chunk)?;
    let field = Field::new_list_field(item.clone(), true);
    cast_to(column, chunk, &DataType::LargeList(Arc::new(field)))
}

fn type_error(column: &str, expected: &'static str, found: &DataType) -> Error {
    Error::ColumnType { column: column.to_owned(), expected, found: found.clone() }
}

fn malformed(column: &str, reason: &impl ToString) -> Error {
    Error::Malformed { column: column.to_owned(), reason: reason.to_string() }
}

fn not_utf8(column: &str, row: usize) -> Error {
    Error::NotUtf8 { column: column.to_owned(), row }
}

fn cast_to(column: &str, array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Error> {
    cast(array, to).map_err(|error| malformed(column, &error))
}

fn validate(column: &str, first_row: usize, array: &ArrayRef) -> Result<(), Error> {
    array.to_data().validate_full().map_err(|error| {
        let bad = match array.data_type() {
            DataType::Utf8 => first_invalid(array.as_string::<i32>()),
            DataType::LargeUtf8 => first_invalid(array.as_string::<i64>()),
            _ => None,
        };
        bad.map_or_else(|| malformed(column, &error), |row| not_utf8(column, first_row + row))
    })
}

/// The row whose bytes are no text; None when it is the offsets that are wrong.
fn first_invalid<O: OffsetSizeTrait>(array: &GenericStringArray<O>) -> Option<usize> {
    let offsets: Vec<usize> = array.value_offsets().iter().map(|o| o.as_usize()).collect();
    offsets.windows(2).position(|pair| {
        let bytes = array.value_data().get(pair[0]..pair[1]);
        bytes.is_some_and(|bytes| std::str::from_utf8(bytes).is_err())
    })
}

fn binary_texts<O: OffsetSizeTrait>(
    column: &str,
    first_row: usize,
    array: &GenericBinaryArray<O>,
) -> Result<ArrayRef, Error> {
    array.to_data().validate_full().map_err(|error| malformed(column, &error))?;
    let mut texts = LargeStringBuilder::with_capacity(array.len(), array.value_data().len());
    for (row, bytes) in array.iter().enumerate() {
        let text = bytes.map(std::str::from_utf8).transpose();
        texts.append_option(text.map_err(|_| not_utf8(column, first_row + row))?);
    }
    Ok(Arc::new(texts.finish()))
}

#[cfg(test)]
mod tests {
    use arrow_array::{BinaryArray, Int64Array, NullArray, StringViewArray};

    use super::*;

    fn column(array: impl Array + 'static) -> Vec<ArrayRef> {
        vec![Arc::new(array)]
    }

    #[test]
    fn every_text_type_reads_alike() {
        let expected = LargeStringArray::from(vec![Some("好"), None]);
        let view = StringViewArray::from(vec![Some("好"), None]);
        let binary = BinaryArray::from(vec![Some("好".as_bytes()), None]);
        assert_eq!(texts("t", &column(view)).unwrap(), expected);
        assert_eq!(texts("t", &column(binary)).unwrap(), expected);
        assert_eq!(texts("t", &column(NullArray::new(2))).unwrap().null_count(), 2);
    }

    #[test]
    fn bad_bytes_name_their_row_over_all_chunks() {
        let good = Arc::new(BinaryArray::from(vec![b"ok".as_slice()])) as ArrayRef;
        let bad = Arc::new(BinaryArray::from(vec![b"ok".as_slice(), b"\xff"])) as ArrayRef;
        assert_eq!(texts("t", &[good, bad]).unwrap_err(), not_utf8("t", 2));
    }

    #[test]
    fn numbers_are_refused() {
        let error = texts("t", &column(Int64Array::from(vec![1]))).unwrap_err();
        assert!(error.to_string().starts_with("t: expected a text column"), "{error}");
    }
}
