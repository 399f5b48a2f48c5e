//! The types a column may come in, brought to the one that the kernels read; everything is checked.
//!
//! arrow-cast and arrow-select know every pair of types there is, and compiling them took half of a
//! build from nothing; read are these few.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::LargeStringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float16Type, Float32Type, Float64Type, UInt64Type};
use arrow_array::{
    AnyDictionaryArray, Array, ArrayRef, ArrowPrimitiveType, LargeBinaryArray, LargeStringArray,
    OffsetSizeTrait, PrimitiveArray, downcast_integer_array, make_array, new_null_array,
};
use arrow_buffer::Buffer;
use arrow_data::transform::MutableArrayData;
use arrow_data::{ArrayData, ArrayDataBuilder};
use arrow_schema::{ArrowError, DataType, Field};

/// Strings of any width, by reference or numbered, as `large_string`.
pub(super) fn texts(strings: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match strings.data_type() {
        DataType::Null => Ok(new_null_array(&DataType::LargeUtf8, strings.len())),
        DataType::Utf8 => built(flat::<i32>(&strings.to_data(), DataType::LargeUtf8)),
        DataType::LargeUtf8 => built(flat::<i64>(&strings.to_data(), DataType::LargeUtf8)),
        DataType::Utf8View => {
            let strings = checked(strings)?.as_string_view();
            Ok(Arc::new(strings.iter().collect::<LargeStringArray>()))
        }
        DataType::Dictionary(..) => numbered_texts(checked(strings)?.as_any_dictionary()),
        _ => Ok(checked(strings)?.clone()),
    }
}

/// Bytes of any width as `large_binary`.
pub(super) fn bytes(bytes: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match bytes.data_type() {
        DataType::Null => Ok(new_null_array(&DataType::LargeBinary, bytes.len())),
        DataType::Binary => built(flat::<i32>(&bytes.to_data(), DataType::LargeBinary)),
        DataType::LargeBinary => built(flat::<i64>(&bytes.to_data(), DataType::LargeBinary)),
        DataType::BinaryView => {
            let bytes = checked(bytes)?.as_binary_view();
            Ok(Arc::new(bytes.iter().collect::<LargeBinaryArray>()))
        }
        DataType::FixedSizeBinary(_) => {
            let bytes = checked(bytes)?.as_fixed_size_binary();
            Ok(Arc::new(bytes.iter().collect::<LargeBinaryArray>()))
        }
        _ => Ok(checked(bytes)?.clone()),
    }
}

/// Lists of any width as `large_list`, their values read by `texts` or `ids`.
pub(super) fn lists(
    lists: &ArrayRef,
    item: &DataType,
    read: impl Fn(&ArrayRef) -> Result<ArrayRef, ArrowError>,
) -> Result<ArrayRef, ArrowError> {
    let field = Arc::new(Field::new_list_field(item.clone(), true));
    let to = DataType::LargeList(field);
    let data = lists.to_data();
    let (values, (offsets, used)) = match lists.data_type() {
        DataType::List(_) => {
            let values = lists.as_list::<i32>().values();
            (values, rebased::<i32>(&data, values.len()))
        }
        DataType::LargeList(_) => {
            let values = lists.as_list::<i64>().values();
            (values, rebased::<i64>(&data, values.len()))
        }
        _ => return Ok(new_null_array(&to, lists.len())),
    };
    let values = read(&values.slice(used.start, used.len()))?;
    built(
        data.into_builder().data_type(to).buffers(vec![offsets]).child_data(vec![values.to_data()]),
    )
}

/// A column of uint32.
pub(super) fn ids(ids: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match ids.data_type() {
        DataType::Null => Ok(new_null_array(&DataType::UInt32, ids.len())),
        _ => Ok(checked(ids)?.clone()),
    }
}

/// Numbers as float64.
#[expect(clippy::cast_lossless, reason = "integers of every width")]
pub(super) fn floats(numbers: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let numbers = checked(numbers)?;
    Ok(downcast_integer_array! {
        numbers => Arc::new(numbers.unary::<_, Float64Type>(|number| number as f64)),
        DataType::Float16 => Arc::new(
            numbers.as_primitive::<Float16Type>().unary::<_, Float64Type>(f64::from),
        ),
        DataType::Float32 => Arc::new(
            numbers.as_primitive::<Float32Type>().unary::<_, Float64Type>(f64::from),
        ),
        DataType::Float64 => numbers.clone(),
        _ => new_null_array(&DataType::Float64, numbers.len()),
    })
}

/// Whole numbers as uint64; none may be negative.
pub(super) fn counts(numbers: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let numbers = checked(numbers)?;
    downcast_integer_array! {
        numbers => not_negative(numbers),
        _ => Ok(new_null_array(&DataType::UInt64, numbers.len())),
    }
}

/// Parts of one column, behind one another. There is at least one, and all are of one type.
pub(crate) fn joined(parts: &[&dyn Array]) -> ArrayRef {
    if let [only] = parts {
        return only.slice(0, only.len());
    }
    let parts: Vec<ArrayData> = parts.iter().map(|part| part.to_data()).collect();
    let num_rows = parts.iter().map(ArrayData::len).sum();
    let mut all = MutableArrayData::new(parts.iter().collect(), false, num_rows);
    for (position, part) in parts.iter().enumerate() {
        all.try_extend(position, 0, part.len()).expect("offsets have 64 bits");
    }
    make_array(all.freeze())
}

fn checked(array: &ArrayRef) -> Result<&ArrayRef, ArrowError> {
    array.to_data().validate_full()?;
    Ok(array)
}

fn built(data: ArrayDataBuilder) -> Result<ArrayRef, ArrowError> {
    Ok(make_array(data.build()?))
}

/// Strings or bytes of any width, for `to`; unchecked.
fn flat<O: OffsetSizeTrait>(strings: &ArrayData, to: DataType) -> ArrayDataBuilder {
    let values = &strings.buffers()[1];
    let (offsets, used) = rebased::<O>(strings, values.len());
    let buffers = vec![offsets, values.slice_with_length(used.start, used.len())];
    strings.clone().into_builder().data_type(to).buffers(buffers)
}

/// The offsets of a column as 64 bits from 0 on, and which of its values they speak of.
///
/// A slice comes with the values of all: were they kept, each slice would be checked as the whole.
fn rebased<O: OffsetSizeTrait>(column: &ArrayData, num_values: usize) -> (Buffer, Range<usize>) {
    let offsets = &column.buffer::<O>(0)[..=column.len()];
    let (first, last) = (offsets[0].as_usize(), offsets[column.len()].as_usize());
    // What is malformed is left as it came: the check says what is wrong with it.
    let used = if first <= last && last <= num_values { first..last } else { 0..num_values };
    let start = used.start as i64;
    let offsets = offsets.iter().map(|offset| offset.to_i64().unwrap_or(-1).wrapping_sub(start));
    (Buffer::from_vec(offsets.collect::<Vec<_>>()), used)
}

fn not_negative<T: ArrowPrimitiveType>(numbers: &PrimitiveArray<T>) -> Result<ArrayRef, ArrowError>
where
    T::Native: TryInto<u64>,
{
    let counts = numbers.try_unary::<_, UInt64Type, _>(|number| {
        let refused =
            || ArrowError::CastError(format!("Can't cast value {number:?} to type UInt64"));
        number.try_into().map_err(|_| refused())
    });
    Ok(Arc::new(counts?))
}

fn numbered_texts(numbered: &dyn AnyDictionaryArray) -> Result<ArrayRef, ArrowError> {
    let words = texts(numbered.values())?;
    if words.is_empty() {
        return Ok(new_null_array(&DataType::LargeUtf8, numbered.len()));
    }
    let words = words.as_string::<i64>();
    let numbers = numbered.normalized_keys();
    let num_bytes = numbers.iter().map(|&number| words.value_length(number) as usize).sum();
    let mut texts = LargeStringBuilder::with_capacity(numbers.len(), num_bytes);
    for (row, &number) in numbers.iter().enumerate() {
        let there = numbered.is_valid(row) && words.is_valid(number);
        texts.append_option(there.then(|| words.value(number)));
    }
    Ok(Arc::new(texts.finish()))
}
