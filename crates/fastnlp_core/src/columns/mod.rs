//! Arrow columns in, checked and in one width: what every `*_column` function reads.
//!
//! Columns come over the C interface from other libraries, so nothing about them is trusted:
//! offsets, lengths and UTF-8 are validated once here and believed afterwards.

mod widths;

use std::sync::Arc;

use arrow_array::builder::LargeStringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{
    Array, ArrayRef, Float64Array, GenericBinaryArray, GenericStringArray, LargeBinaryArray,
    LargeListArray, LargeStringArray, OffsetSizeTrait, PrimitiveArray, UInt64Array,
    new_empty_array,
};
use arrow_schema::{ArrowError, DataType};

pub(crate) use self::widths::joined;
use crate::Error;

const TEXT: &str = "a text column (string, large_string, string_view, or UTF-8 binary)";
const BYTES: &str = "a binary column (binary, large_binary or binary_view)";
const TEXT_LISTS: &str = "a list<string> column";
const ID_LISTS: &str = "a list<uint32> column";

/// The chunks of a text column, at least one, as one `large_string`; nulls stay null.
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
        expect_lists(column, chunk, TEXT_LISTS, DataType::is_string)?;
        let lists = widths::lists(chunk, &DataType::LargeUtf8, widths::texts);
        lists.map_err(|error| malformed(column, &error))
    })?;
    Ok(lists.as_list::<i64>().clone())
}

/// The chunks of a column of id sets as one `large_list<uint32>`.
///
/// # Errors
/// As [`texts`].
pub fn id_lists(column: &str, chunks: &[ArrayRef]) -> Result<LargeListArray, Error> {
    let lists = one_column(column, chunks, |column, _, chunk| {
        expect_lists(column, chunk, ID_LISTS, |item| *item == DataType::UInt32)?;
        let lists = widths::lists(chunk, &DataType::UInt32, widths::ids);
        lists.map_err(|error| malformed(column, &error))
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
        widths::bytes(chunk).map_err(|error| malformed(column, &error))
    })?;
    Ok(bytes.as_binary::<i64>().clone())
}

/// The chunks of a numeric column as float64; nulls stay null.
///
/// # Errors
/// As [`texts`].
pub fn floats(column: &str, chunks: &[ArrayRef]) -> Result<Float64Array, Error> {
    let numbers = one_column(column, chunks, |column, _, chunk| {
        let found = chunk.data_type();
        if !(found.is_integer() || found.is_floating() || found.is_null()) {
            return Err(type_error(column, "a float64 column", found));
        }
        widths::floats(chunk).map_err(|error| malformed(column, &error))
    })?;
    Ok(numbers.as_primitive().clone())
}

/// The chunks of an integer column as uint64; nulls stay null.
///
/// # Errors
/// As [`texts`]; [`Error::Malformed`] for a negative count.
pub fn counts(column: &str, chunks: &[ArrayRef]) -> Result<UInt64Array, Error> {
    let numbers = one_column(column, chunks, |column, _, chunk| {
        let found = chunk.data_type();
        if !(found.is_integer() || found.is_null()) {
            return Err(type_error(column, "a uint64 column", found));
        }
        widths::counts(chunk).map_err(|error| malformed(column, &error))
    })?;
    Ok(numbers.as_primitive().clone())
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
    Ok(joined(&parts))
}

fn text_chunk(column: &str, first_row: usize, chunk: &ArrayRef) -> Result<ArrayRef, Error> {
    match chunk.data_type() {
        DataType::Binary => binary_texts(column, first_row, chunk.as_binary::<i32>()),
        DataType::LargeBinary => binary_texts(column, first_row, chunk.as_binary::<i64>()),
        found if found.is_string() || found.is_null() => strings(column, first_row, chunk),
        DataType::Dictionary(_, values) if values.is_string() => strings(column, first_row, chunk),
        found => Err(type_error(column, TEXT, found)),
    }
}

fn strings(column: &str, first_row: usize, chunk: &ArrayRef) -> Result<ArrayRef, Error> {
    widths::texts(chunk).map_err(|error| {
        let bad = match chunk.data_type() {
            DataType::Utf8 => first_invalid(chunk.as_string::<i32>()),
            DataType::LargeUtf8 => first_invalid(chunk.as_string::<i64>()),
            _ => None,
        };
        bad.map_or_else(|| malformed(column, &error), |row| not_utf8(column, first_row + row))
    })
}

fn expect_lists(
    column: &str,
    chunk: &ArrayRef,
    expected: &'static str,
    accepts: impl Fn(&DataType) -> bool,
) -> Result<(), Error> {
    let found = chunk.data_type();
    let readable = match found {
        DataType::List(field) | DataType::LargeList(field) => {
            accepts(field.data_type()) || field.data_type().is_null()
        }
        other => other.is_null(),
    };
    if readable { Ok(()) } else { Err(type_error(column, expected, found)) }
}

fn type_error(column: &str, expected: &'static str, found: &DataType) -> Error {
    Error::ColumnType { column: column.to_owned(), expected, found: found.clone() }
}

fn malformed(column: &str, reason: &ArrowError) -> Error {
    Error::Malformed { column: column.to_owned(), reason: reason.to_string() }
}

fn not_utf8(column: &str, row: usize) -> Error {
    Error::NotUtf8 { column: column.to_owned(), row }
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
    use arrow_array::builder::{ListBuilder, StringViewBuilder};
    use arrow_array::types::Int8Type;
    use arrow_array::{
        BinaryArray, BinaryViewArray, DictionaryArray, FixedSizeBinaryArray, Float32Array,
        Int8Array, Int64Array, NullArray, StringArray, StringViewArray,
    };

    use super::*;

    fn column(array: impl Array + 'static) -> Vec<ArrayRef> {
        vec![Arc::new(array)]
    }

    #[test]
    fn every_text_type_reads_alike() {
        let expected = LargeStringArray::from(vec![Some("好"), None]);
        let view = StringViewArray::from(vec![Some("好"), None]);
        let binary = BinaryArray::from(vec![Some("好".as_bytes()), None]);
        let short = StringArray::from(vec![Some("好"), None]);
        let numbered: DictionaryArray<Int8Type> = vec![Some("好"), None].into_iter().collect();
        assert_eq!(texts("t", &column(short)).unwrap(), expected);
        assert_eq!(texts("t", &column(view)).unwrap(), expected);
        assert_eq!(texts("t", &column(numbered)).unwrap(), expected);
        assert_eq!(texts("t", &column(binary)).unwrap(), expected);
        assert_eq!(texts("t", &column(NullArray::new(2))).unwrap().null_count(), 2);
    }

    #[test]
    fn a_numbered_text_is_null_where_its_number_or_its_text_is() {
        let words = Arc::new(StringViewArray::from(vec![None, Some("好")]));
        let numbers = Int8Array::from(vec![Some(0), Some(1), None]);
        let read = texts("t", &column(DictionaryArray::new(numbers, words))).unwrap();
        assert_eq!(read, LargeStringArray::from(vec![None, Some("好"), None]));
    }

    #[test]
    fn chunks_of_several_types_become_one_column() {
        let short = Arc::new(StringArray::from(vec![Some("一"), None])) as ArrayRef;
        let view = Arc::new(StringViewArray::from(vec!["二"])) as ArrayRef;
        let expected = LargeStringArray::from(vec![Some("一"), None, Some("二")]);
        assert_eq!(texts("t", &[short, view]).unwrap(), expected);
    }

    #[test]
    fn slices_of_lists_keep_their_rows_and_nulls() {
        let mut lists = ListBuilder::new(StringViewBuilder::new());
        lists.append_value([Some("a")]);
        lists.append_value([Some("b"), None]);
        lists.append_null();
        let read =
            text_lists("t", &[lists.finish().slice(1, 2)].map(|l| Arc::new(l) as _)).unwrap();
        assert_eq!(
            read.value(0).as_string::<i64>(),
            &LargeStringArray::from(vec![Some("b"), None])
        );
        assert!(read.is_null(1) && read.len() == 2);
    }

    #[test]
    fn a_slice_leaves_the_values_of_the_others_behind() {
        let whole = StringArray::from(vec![Some("一二三"), Some("好"), None, Some("五")]);
        let read = texts("t", &column(whole.slice(1, 2))).unwrap();
        assert_eq!(read, LargeStringArray::from(vec![Some("好"), None]));
        assert_eq!(read.value_data().len(), "好".len());
        let large =
            texts("t", &column(LargeStringArray::from(vec!["一二", "五"]).slice(1, 1))).unwrap();
        assert_eq!((large.value(0), large.value_data().len()), ("五", "五".len()));
    }

    #[test]
    fn every_binary_type_reads_alike() {
        let expected = LargeBinaryArray::from_opt_vec(vec![Some(b"ab"), None]);
        let rows = || vec![Some(b"ab".as_slice()), None];
        let fixed = FixedSizeBinaryArray::try_from_sparse_iter_with_size(rows().into_iter(), 2);
        for array in [
            Arc::new(BinaryArray::from_opt_vec(rows())) as ArrayRef,
            Arc::new(BinaryViewArray::from_iter(rows())),
            Arc::new(fixed.unwrap()),
        ] {
            assert_eq!(bytes("b", &[array]).unwrap(), expected);
        }
    }

    #[test]
    fn numbers_of_any_width_read_alike_and_counts_are_not_negative() {
        let expected = Float64Array::from(vec![Some(1.0), None]);
        let short = Int8Array::from(vec![Some(1), None]);
        let single = Float32Array::from(vec![Some(1.0), None]);
        assert_eq!(floats("n", &column(short.clone())).unwrap(), expected);
        assert_eq!(floats("n", &column(single)).unwrap(), expected);
        assert_eq!(counts("n", &column(short)).unwrap(), UInt64Array::from(vec![Some(1), None]));
        let error = counts("n", &column(Int8Array::from(vec![-1]))).unwrap_err();
        assert!(error.to_string().contains("-1"), "{error}");
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
