//! A database of rows: what remains to be searched below one itemset.

use std::ops::RangeInclusive;

/// Rows of items numbered from 0, the most frequent item, upwards; ascending within a row.
/// Rows with fewer than two items are left out: they add to no itemset that is yet to be found.
pub(super) struct Rows {
    items: Vec<u32>,
    ends: Vec<usize>,
    /// Name of each item in the result.
    pub names: Vec<u32>,
    /// Rows that hold each item, those that were left out included.
    pub supports: Vec<u32>,
}

/// What the rows that hold an item say about the others.
pub(super) struct Holding {
    /// The rows over the items that are in some of them.
    pub rows: Rows,
    /// Names of the items that are in all of them.
    pub closure: Vec<u32>,
    /// Whether an item after the one they hold is in all of them.
    pub closes_early: bool,
    /// Items of `rows` that stood before the one they hold.
    pub extendable: u32,
}

/// For each item, the rows that hold it.
pub(super) struct Occurrences {
    rows: Vec<u32>,
    starts: Vec<usize>,
}

impl Rows {
    pub fn new(names: Vec<u32>, supports: Vec<u32>) -> Self {
        Self { items: Vec::new(), ends: Vec::new(), names, supports }
    }

    /// Adds a row of ascending items.
    pub fn push(&mut self, row: impl Iterator<Item = u32>) {
        let start = self.items.len();
        self.items.extend(row);
        if self.items.len() < start + 2 {
            self.items.truncate(start);
        } else {
            self.ends.push(self.items.len());
        }
    }

    pub fn num_items(&self) -> usize {
        self.names.len()
    }

    pub fn num_rows(&self) -> usize {
        self.ends.len()
    }

    /// Items of all rows together.
    pub fn num_values(&self) -> usize {
        self.items.len()
    }

    pub fn row(&self, row: usize) -> &[u32] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.items[start..self.ends[row]]
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.num_rows()).map(|row| self.row(row))
    }

    pub fn occurrences(&self) -> Occurrences {
        let mut starts = vec![0; self.num_items() + 1];
        for &item in &self.items {
            starts[item as usize + 1] += 1;
        }
        for item in 0..self.num_items() {
            starts[item + 1] += starts[item];
        }
        let mut next = starts.clone();
        let mut rows = vec![0; self.items.len()];
        for (row, items) in self.iter().enumerate() {
            for &item in items {
                rows[next[item as usize]] = row as u32;
                next[item as usize] += 1;
            }
        }
        Occurrences { rows, starts }
    }

    /// The rows that hold `item`, with only the frequent ones of the items below it: every itemset
    /// is found once, under its least frequent item.
    pub fn below(&self, item: u32, occurrences: &Occurrences, min_count: u32) -> Self {
        let prefixes = || {
            occurrences.of(item).iter().map(|&row| {
                self.row(row as usize).iter().copied().take_while(move |&other| other != item)
            })
        };
        let mut counts = vec![0; item as usize];
        for other in prefixes().flatten() {
            counts[other as usize] += 1;
        }
        let (mut rows, renamed) = self.with_counts(&counts, min_count..=u32::MAX);
        if rows.num_items() > 1 {
            for prefix in prefixes() {
                rows.push(prefix.filter_map(|other| renamed[other as usize]));
            }
        }
        rows
    }

    /// The rows that hold `item`, with those of the other items that are frequent there and do not
    /// come with it in every row.
    pub fn holding(&self, item: u32, occurrences: &Occurrences, min_count: u32) -> Holding {
        let others = || {
            occurrences.of(item).iter().map(|&row| {
                self.row(row as usize).iter().copied().filter(move |&other| other != item)
            })
        };
        let mut counts = vec![0; self.num_items()];
        for other in others().flatten() {
            counts[other as usize] += 1;
        }
        let support = self.supports[item as usize];
        let comes_with = |other: &usize| counts[*other] == support;
        let closure = (0..counts.len()).filter(comes_with).map(|other| self.names[other]).collect();
        let closes_early = (item as usize + 1..counts.len()).any(|other| comes_with(&other));
        let (mut rows, renamed) = self.with_counts(&counts, min_count..=support - 1);
        let extendable = renamed[..item as usize].iter().flatten().count() as u32;
        if !closes_early && rows.num_items() > 1 {
            for row in others() {
                rows.push(row.filter_map(|other| renamed[other as usize]));
            }
        }
        Holding { rows, closure, closes_early, extendable }
    }

    /// A database without rows over the items with such a count, and their new numbers.
    fn with_counts(&self, counts: &[u32], wanted: RangeInclusive<u32>) -> (Self, Vec<Option<u32>>) {
        let mut rows = Self::new(Vec::new(), Vec::new());
        let renamed = counts.iter().zip(&self.names).map(|(&count, &name)| {
            wanted.contains(&count).then(|| {
                rows.names.push(name);
                rows.supports.push(count);
                rows.names.len() as u32 - 1
            })
        });
        let renamed = renamed.collect();
        (rows, renamed)
    }
}

impl Occurrences {
    pub fn of(&self, item: u32) -> &[u32] {
        &self.rows[self.starts[item as usize]..self.starts[item as usize + 1]]
    }
}
