//! Sets of rows: a list where they are few, bits where those take no more room.

const WORD_BITS: usize = u64::BITS as usize;

/// Rows of a database, none twice.
#[derive(Clone)]
pub(super) enum RowSet {
    /// Ascending.
    List(Vec<u32>),
    Bits {
        words: Vec<u64>,
        len: usize,
    },
}

impl RowSet {
    /// The set of these ascending rows of `num_rows`.
    pub fn new(rows: Vec<u32>, num_rows: usize) -> Self {
        if rows.len() * (u32::BITS as usize) < num_rows {
            return Self::List(rows);
        }
        let mut words = vec![0; num_rows.div_ceil(WORD_BITS)];
        for &row in &rows {
            words[row as usize / WORD_BITS] |= 1 << (row as usize % WORD_BITS);
        }
        Self::Bits { words, len: rows.len() }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::List(rows) => rows.len(),
            Self::Bits { len, .. } => *len,
        }
    }

    /// The rows in both; of two lists `self` should be the shorter. Both are of one database.
    pub fn intersection(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::List(few), Self::List(many)) => Self::List(shared_rows(few, many)),
            (Self::List(rows), Self::Bits { words, .. })
            | (Self::Bits { words, .. }, Self::List(rows)) => {
                let holds = |&row: &u32| {
                    words[row as usize / WORD_BITS] >> (row as usize % WORD_BITS) & 1 == 1
                };
                Self::List(rows.iter().copied().filter(holds).collect())
            }
            (Self::Bits { words: left, .. }, Self::Bits { words: right, .. }) => {
                let words: Vec<u64> = left.iter().zip(right).map(|(a, b)| a & b).collect();
                let len = words.iter().map(|word| word.count_ones() as usize).sum();
                Self::Bits { words, len }
            }
        }
    }
}

/// The rows in both lists; quick where `many` is far the longer.
fn shared_rows(few: &[u32], mut many: &[u32]) -> Vec<u32> {
    let mut shared = Vec::new();
    for &row in few {
        many = &many[num_below(many, row)..];
        match many.first() {
            Some(&first) if first == row => shared.push(row),
            Some(_) => {}
            None => break,
        }
    }
    shared
}

/// How many of the ascending `rows` stand below `row`, looked for in steps that double.
fn num_below(rows: &[u32], row: u32) -> usize {
    let mut step = 1;
    while step < rows.len() && rows[step] < row {
        step *= 2;
    }
    let start = step / 2;
    start + rows[start..rows.len().min(step + 1)].partition_point(|&other| other < row)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(set: &RowSet, num_rows: u32) -> Vec<u32> {
        match set {
            RowSet::List(rows) => rows.clone(),
            RowSet::Bits { words, .. } => (0..num_rows)
                .filter(|row| words[*row as usize / 64] >> (row % 64) & 1 == 1)
                .collect(),
        }
    }

    #[test]
    fn rows_are_found_at_any_distance() {
        let many: Vec<u32> = (0..1000).map(|row| 3 * row).collect();
        for row in 0..3005 {
            let expected = many.iter().filter(|&&other| other < row).count();
            assert_eq!(num_below(&many, row), expected);
        }
        assert_eq!(num_below(&[], 5), 0);
        assert_eq!(shared_rows(&[1, 3, 2997, 2998], &many), [3, 2997]);
    }

    #[test]
    fn many_rows_become_bits_and_few_a_list() {
        assert!(matches!(RowSet::new(vec![0, 99], 100), RowSet::List(_)));
        assert!(matches!(RowSet::new(vec![0, 1, 2, 99], 100), RowSet::Bits { .. }));
    }

    /// A set of some of 200 rows, as a list or as bits.
    fn some_rows() -> impl Strategy<Value = Vec<u32>> {
        prop_oneof![
            prop::collection::btree_set(0u32..200, 0..6),
            prop::collection::btree_set(0u32..200, 7..200)
        ]
        .prop_map(|rows| rows.into_iter().collect())
    }

    proptest! {
        #[test]
        fn an_intersection_holds_the_rows_of_both(left in some_rows(), right in some_rows()) {
            let sets = [&left, &right].map(|rows| RowSet::new(rows.clone(), 200));
            let shared = sets[0].intersection(&sets[1]);
            let expected: Vec<u32> = left.into_iter().filter(|row| right.contains(row)).collect();
            prop_assert_eq!(shared.len(), expected.len());
            prop_assert_eq!(rows(&shared, 200), expected);
        }
    }
}
