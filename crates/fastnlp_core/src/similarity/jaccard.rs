//! Set similarity of token ids. Jaccard (1912), "The distribution of the flora in the alpine zone".

use std::cmp::Ordering;

use arrow_array::{Array, Float64Array, LargeListArray};
use rayon::prelude::*;

use crate::Error;
use crate::columns::{id_values, row_range, same_length};

/// |a ∩ b| / |a ∪ b|, and 1.0 when both are empty. Time O(|a| + |b|), no allocation.
/// Both slices must be strictly ascending (see [`jaccard_column`], which checks it).
#[must_use]
pub fn jaccard(a: &[u32], b: &[u32]) -> f64 {
    let shared = count_shared(a, b);
    let union = a.len() + b.len() - shared;
    if union == 0 { 1.0 } else { shared as f64 / union as f64 }
}

/// Row-wise [`jaccard`] of two `large_list<uint32>` columns; null where either row is null.
///
/// # Errors
/// [`Error::Lengths`]; [`Error::NotAscending`] names the column and row.
pub fn jaccard_column(
    left: &LargeListArray,
    right: &LargeListArray,
) -> Result<Float64Array, Error> {
    same_length(("left", left.len()), ("right", right.len()))?;
    let (left_ids, right_ids) = (id_values(left).values(), id_values(right).values());
    let score = |row: usize| -> Result<Option<f64>, Error> {
        if left.is_null(row) || right.is_null(row) {
            return Ok(None);
        }
        let (a, b) = (&left_ids[row_range(left, row)], &right_ids[row_range(right, row)]);
        ensure_ascending("left", row, a)?;
        ensure_ascending("right", row, b)?;
        Ok(Some(jaccard(a, b)))
    };
    let scores: Vec<Result<Option<f64>, Error>> =
        (0..left.len()).into_par_iter().map(score).collect();
    scores.into_iter().collect()
}

fn count_shared(a: &[u32], b: &[u32]) -> usize {
    let (mut i, mut j, mut shared) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            Ordering::Less => i += 1,
            Ordering::Greater => j += 1,
            Ordering::Equal => (i, j, shared) = (i + 1, j + 1, shared + 1),
        }
    }
    shared
}

fn ensure_ascending(column: &str, row: usize, ids: &[u32]) -> Result<(), Error> {
    match ids.windows(2).find(|pair| pair[0] >= pair[1]) {
        None => Ok(()),
        Some(pair) => Err(Error::NotAscending {
            column: column.to_owned(),
            row,
            previous: pair[0],
            next: pair[1],
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use arrow_array::types::UInt32Type;
    use proptest::prelude::*;

    use super::*;

    fn lists(rows: Vec<Option<Vec<Option<u32>>>>) -> LargeListArray {
        LargeListArray::from_iter_primitive::<UInt32Type, _, _>(rows)
    }

    #[test]
    fn nulls_stay_null_and_empty_sets_are_equal() {
        let left = lists(vec![None, Some(vec![]), Some(vec![Some(1), Some(2)])]);
        let right = lists(vec![Some(vec![]), Some(vec![]), Some(vec![Some(2), Some(3)])]);
        let scores = jaccard_column(&left, &right).unwrap();
        assert_eq!(scores, Float64Array::from(vec![None, Some(1.0), Some(1.0 / 3.0)]));
    }

    #[test]
    fn a_row_that_is_not_ascending_is_named() {
        let rows = lists(vec![Some(vec![Some(12), Some(9)])]);
        let message = jaccard_column(&rows, &rows).unwrap_err().to_string();
        let expected = "left[0]: token ids must be strictly ascending, got 9 after 12; \
                        sort and deduplicate them first";
        assert_eq!(message, expected);
    }

    proptest! {
        #[test]
        fn equals_the_set_definition(a: BTreeSet<u8>, b: BTreeSet<u8>) {
            let ids = |set: &BTreeSet<u8>| set.iter().map(|&id| u32::from(id)).collect::<Vec<_>>();
            let (shared, union) = (a.intersection(&b).count(), a.union(&b).count());
            let expected = if union == 0 { 1.0 } else { shared as f64 / union as f64 };
            prop_assert_eq!(jaccard(&ids(&a), &ids(&b)), expected);
        }
    }
}
