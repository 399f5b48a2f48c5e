//! Segmentation of whole columns, rows in parallel.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::{Int64Builder, LargeListBuilder, LargeStringBuilder, StructBuilder};
use arrow_array::cast::AsArray;
use arrow_array::{Array, LargeListArray, LargeStringArray, UInt32Array};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, FieldRef, Fields};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::block::Block;
use super::{Mode, Segmenter, Span};
use crate::columns;

/// Enough rows to be worth a task, few enough to share the work evenly.
const ROWS_PER_TASK: usize = 256;

impl Segmenter {
    /// The tokens of each row, as `large_list<large_string>`; a null row stays null.
    #[must_use]
    pub fn cut_column(&self, texts: &LargeStringArray, mode: Mode) -> LargeListArray {
        if mode == Mode::Default {
            return self.cut_into_tiles(texts);
        }
        let parts = in_tasks(texts.len(), |rows| {
            let mut lists = LargeListBuilder::new(LargeStringBuilder::new());
            let mut block = Block::default();
            for row in rows {
                if texts.is_valid(row) {
                    let tokens = lists.values();
                    self.each_token(texts.value(row), mode, &mut block, |t| tokens.append_value(t));
                }
                lists.append(texts.is_valid(row));
            }
            lists.finish()
        });
        joined(&parts, &DataType::LargeUtf8)
    }

    /// The tokens of each row with the code points where they start and end, as
    /// `large_list<struct<token: large_string, start: int64, end: int64>>`; a null row stays null.
    #[must_use]
    pub fn tokenize_column(&self, texts: &LargeStringArray, search: bool) -> LargeListArray {
        let fields = token_fields();
        let parts = in_tasks(texts.len(), |rows| {
            let mut lists = LargeListBuilder::new(StructBuilder::from_fields(fields.clone(), 0));
            let mut block = Block::default();
            for row in rows {
                if texts.is_valid(row) {
                    let text = texts.value(row);
                    let mut place = Place::default();
                    self.each_span(text, search, &mut block, |span| {
                        append_token(lists.values(), text, span, &mut place);
                    });
                }
                lists.append(texts.is_valid(row));
            }
            lists.finish()
        });
        joined(&parts, &DataType::Struct(token_fields()))
    }

    /// The tokens of each row as numbers, `large_list<uint32>`, and the vocabulary they index: each
    /// distinct token in the order of first appearance. A null row stays null.
    #[must_use]
    pub fn encode_column(&self, texts: &LargeStringArray) -> (LargeListArray, LargeStringArray) {
        let lists = self.cut_into_tiles(texts);
        let tokens = lists.values().as_string::<i64>();
        let mut ids: FxHashMap<&str, u32> = FxHashMap::default();
        let mut vocabulary = LargeStringBuilder::new();
        let encoded = (0..tokens.len()).map(|at| {
            let token = tokens.value(at);
            let next = ids.len() as u32;
            *ids.entry(token).or_insert_with(|| {
                vocabulary.append_value(token);
                next
            })
        });
        let encoded = UInt32Array::from_iter_values(encoded);
        let field = item(DataType::UInt32);
        let nulls = lists.nulls().cloned();
        let ids = LargeListArray::new(field, lists.offsets().clone(), Arc::new(encoded), nulls);
        (ids, vocabulary.finish())
    }

    /// Default mode: the tokens tile the text, so they share its bytes and only offsets are new.
    fn cut_into_tiles(&self, texts: &LargeStringArray) -> LargeListArray {
        let texts = without_hidden_bytes(texts);
        let text_offsets = texts.value_offsets();
        let hmm = self.use_hmm.then_some(&self.hmm);
        let parts = in_tasks(texts.len(), |rows| {
            let (mut token_ends, mut row_ends) = (Vec::new(), Vec::with_capacity(rows.len()));
            let mut block = Block::default();
            for row in rows {
                let start = text_offsets[row];
                self.cut_tiles(texts.value(row), hmm, &mut block, |(_, end)| {
                    token_ends.push(start + end as i64);
                });
                row_ends.push(token_ends.len());
            }
            (token_ends, row_ends)
        });
        let mut token_offsets = vec![text_offsets[0]];
        let mut row_offsets = vec![0];
        for (token_ends, row_ends) in parts {
            let num_before = token_offsets.len() - 1;
            row_offsets.extend(row_ends.into_iter().map(|end| (num_before + end) as i64));
            token_offsets.extend(token_ends);
        }
        let token_offsets = OffsetBuffer::new(token_offsets.into());
        let tokens = LargeStringArray::new(token_offsets, texts.values().clone(), None);
        let row_offsets = OffsetBuffer::new(row_offsets.into());
        let nulls = texts.nulls().cloned();
        LargeListArray::new(item(DataType::LargeUtf8), row_offsets, Arc::new(tokens), nulls)
    }
}

/// Runs `task` on ranges of rows in parallel; the results are in the order of the rows.
fn in_tasks<T: Send>(num_rows: usize, task: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    let tasks = (0..num_rows.div_ceil(ROWS_PER_TASK)).into_par_iter();
    let rows = |number: usize| number * ROWS_PER_TASK..((number + 1) * ROWS_PER_TASK).min(num_rows);
    tasks.map(|number| task(rows(number))).collect()
}

fn item(data_type: DataType) -> FieldRef {
    Arc::new(Field::new_list_field(data_type, true))
}

fn joined(parts: &[LargeListArray], data_type: &DataType) -> LargeListArray {
    if parts.is_empty() {
        return LargeListArray::new_null(item(data_type.clone()), 0);
    }
    let parts: Vec<&dyn Array> = parts.iter().map(|part| part as &dyn Array).collect();
    columns::joined(&parts).as_list().clone()
}

/// The same texts with nothing in the buffer where a row is null.
fn without_hidden_bytes(texts: &LargeStringArray) -> LargeStringArray {
    let hidden = (0..texts.len()).any(|row| texts.is_null(row) && texts.value_length(row) > 0);
    if hidden { texts.iter().collect() } else { texts.clone() }
}

fn token_fields() -> Fields {
    let field = |name, data_type| Field::new(name, data_type, false);
    Fields::from(vec![
        field("token", DataType::LargeUtf8),
        field("start", DataType::Int64),
        field("end", DataType::Int64),
    ])
}

fn append_token(tokens: &mut StructBuilder, text: &str, span: Span, place: &mut Place) {
    const TYPED: &str = "the builder is made from `token_fields`";
    let token = tokens.field_builder::<LargeStringBuilder>(0).expect(TYPED);
    token.append_value(&text[span.0..span.1]);
    for (field, byte) in [(1, span.0), (2, span.1)] {
        let code_point = place.code_point(text, byte) as i64;
        tokens.field_builder::<Int64Builder>(field).expect(TYPED).append_value(code_point);
    }
    tokens.append(true);
}

/// Counts code points up to a byte, from the last place asked for: tokens stand close together.
#[derive(Default)]
pub struct Place {
    byte: usize,
    code_point: usize,
}

impl Place {
    pub fn code_point(&mut self, text: &str, byte: usize) -> usize {
        if byte >= self.byte {
            self.code_point += text[self.byte..byte].chars().count();
        } else {
            self.code_point -= text[byte..self.byte].chars().count();
        }
        self.byte = byte;
        self.code_point
    }
}
