//! Rows turned on their side: one bit per row and item.

use super::rows::Rows;

const WORD_BITS: usize = 64;

/// A bit column per item, with a bit set for each row that holds the item.
#[derive(Default)]
pub(super) struct Columns {
    words: usize,
    bits: Vec<u64>,
    /// Name of each item in the result.
    pub names: Vec<u32>,
    /// Rows that hold each item.
    pub supports: Vec<u32>,
}

impl Columns {
    /// The columns of `rows`, the least frequent item first: its branch has the most items to try
    /// and the fewest rows.
    pub fn new(rows: &Rows) -> Self {
        let (num_items, words) = (rows.num_items(), rows.num_rows().div_ceil(WORD_BITS));
        let mut bits = vec![0; num_items * words];
        for (row, items) in rows.iter().enumerate() {
            for &item in items {
                let column = num_items - 1 - item as usize;
                bits[column * words + row / WORD_BITS] |= 1 << (row % WORD_BITS);
            }
        }
        let reversed = |values: &[u32]| values.iter().rev().copied().collect();
        Self { words, bits, names: reversed(&rows.names), supports: reversed(&rows.supports) }
    }

    pub fn num_items(&self) -> usize {
        self.names.len()
    }

    /// Overwrites `self` with the items after `index` in `parent`, over the rows that hold `index`.
    pub fn fill_from(&mut self, parent: &Self, index: usize, min_count: u32) {
        self.words = parent.words;
        self.bits.clear();
        self.names.clear();
        self.supports.clear();
        for other in index + 1..parent.num_items() {
            let start = self.bits.len();
            let joined = parent.column(index).iter().zip(parent.column(other)).map(|(a, b)| a & b);
            self.bits.extend(joined);
            let support: u32 = self.bits[start..].iter().map(|word| word.count_ones()).sum();
            if support < min_count {
                self.bits.truncate(start);
            } else {
                self.names.push(parent.names[other]);
                self.supports.push(support);
            }
        }
    }

    fn column(&self, index: usize) -> &[u64] {
        &self.bits[index * self.words..(index + 1) * self.words]
    }
}
