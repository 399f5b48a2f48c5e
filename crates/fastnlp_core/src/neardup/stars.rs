//! The rows to keep, and around each a star of the rows that it makes superfluous.

use std::hash::BuildHasher;

use arrow_array::Array;
use arrow_buffer::BooleanBufferBuilder;
use rayon::prelude::*;
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::Pair;
use super::outline::Outlines;
use super::search::{Scratch, Sets, Texts};
use crate::Error;

/// How many things are held at the same time.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Texts that are compared with the kept ones.
    pub chunk: usize,
    /// Postings and texts of a block that is full; its last chunk may exceed it.
    pub block: usize,
}

/// A block of some 100 MB.
pub const SIZES: Sizes = Sizes { chunk: 1 << 12, block: 1 << 21 };

/// One pair for each row that is not kept, `left` being its kept row; ascending by row.
///
/// Greedy, in the order of the rows: one that no earlier kept row is similar to is kept; any
/// other belongs to the earliest such row. So each member is within the threshold of its kept
/// row, and a chain of small changes does not end up in one cluster. Only kept rows are
/// indexed: a template that 100,000 texts fill in has five billion pairs, but one kept row.
///
/// In blocks, so that memory does not grow with the rows: as many kept rows as fill a block take
/// their members among all rows after them, and are forgotten; the next block starts at the first
/// row that is still open. Rows after it could take none of those members, as the earliest kept row
/// counts, so the sizes change nothing that comes out.
///
/// # Errors
/// Those of [`Texts::outlines`].
pub fn stars(texts: Texts, sizes: Sizes) -> Result<Vec<Pair>, Error> {
    let mut open = Open::new(texts);
    let mut members = Vec::new();
    while let Some(first) = open.first() {
        let mut block = Block::new(texts, sizes.block, members.len());
        let mut next = first;
        while let Some(rows) = open.chunk(&mut next, sizes.chunk) {
            block.take(&rows, &mut open, &mut members)?;
        }
    }
    members.par_sort_unstable_by_key(|member: &Pair| member.right);
    Ok(members)
}

/// The rows that are neither kept nor a member yet.
struct Open {
    is_open: BooleanBufferBuilder,
    first: usize,
}

impl Open {
    fn new(texts: Texts) -> Self {
        let mut is_open = BooleanBufferBuilder::new(texts.column.len());
        is_open.append_n(texts.column.len(), false);
        texts.rows().for_each(|row| is_open.set_bit(row as usize, true));
        Self { is_open, first: 0 }
    }

    fn close(&mut self, row: u32) {
        self.is_open.set_bit(row as usize, false);
    }

    fn first(&mut self) -> Option<usize> {
        self.first = (self.first..self.is_open.len()).find(|&row| self.is_open.get_bit(row))?;
        Some(self.first)
    }

    /// At most `most` rows from `next` on, which moves behind them.
    fn chunk(&self, next: &mut usize, most: usize) -> Option<Vec<u32>> {
        let open = (*next..self.is_open.len()).filter(|&row| self.is_open.get_bit(row));
        let rows: Vec<u32> = open.take(most).map(|row| row as u32).collect();
        *next = *rows.last()? as usize + 1;
        Some(rows)
    }
}

/// Some of the rows to keep, and the texts seen until there were enough of them.
struct Block<'a> {
    texts: Texts<'a>,
    kept: Sets<'a>,
    /// The first row of a text, by its hash.
    seen: FxHashMap<u64, u32>,
    /// Postings and texts.
    most: usize,
    /// Where its members start.
    start: usize,
}

impl<'a> Block<'a> {
    fn new(texts: Texts<'a>, most: usize, start: usize) -> Self {
        Self { texts, kept: Sets::new(texts), seen: FxHashMap::default(), most, start }
    }

    /// Closes those of the next rows that belong to a kept one and, while there is room, keeps the
    /// others and closes them too.
    fn take(
        &mut self,
        rows: &[u32],
        open: &mut Open,
        members: &mut Vec<Pair>,
    ) -> Result<(), Error> {
        let has_room = self.kept.postings() + self.seen.len() < self.most;
        let before = members.len();
        let (new, copies) = self.split(rows, has_room);
        let outlines = self.texts.outlines(&new)?;
        let found = self.stars(&new, &outlines);
        self.settle(&new, &outlines, found, has_room, members);
        let decided = members.len();
        for (row, first) in copies {
            members.push(star_of_copy(row, first, &members[self.start..decided]));
        }
        members[before..].sort_unstable_by_key(|member| member.right);
        let closed = if has_room { rows } else { &[] };
        for &row in closed {
            open.close(row);
        }
        for member in &members[before..] {
            open.close(member.right);
        }
        Ok(())
    }

    /// Rows whose text was not seen, and the others, each with the first row of its text.
    fn split(&mut self, rows: &[u32], remember: bool) -> (Vec<u32>, Vec<(u32, u32)>) {
        let (mut new, mut copies) = (Vec::new(), Vec::new());
        for &row in rows {
            let text = self.texts.get(row);
            let hash = FxBuildHasher.hash_one(text);
            match self.seen.get(&hash) {
                Some(&first) if self.texts.get(first) == text => copies.push((row, first)),
                Some(_) => new.push(row),
                None => {
                    new.push(row);
                    if remember {
                        self.seen.insert(hash, row);
                    }
                }
            }
        }
        (new, copies)
    }

    /// For each of the rows, the first similar one among those that were kept before.
    fn stars(&self, rows: &[u32], outlines: &Outlines) -> Vec<Option<(u32, f64)>> {
        let kept = 0..self.kept.len();
        let sets = (0..rows.len()).into_par_iter();
        let star = |scratch: &mut Scratch, set| {
            let text = self.texts.get(rows[set]);
            self.kept.similar(text, outlines.get(set), kept.clone(), scratch).next()
        };
        sets.map_init(Scratch::default, star).collect()
    }

    /// Adds the rows to the members, to those of rows kept just now too, or to the kept ones.
    fn settle(
        &mut self,
        rows: &[u32],
        outlines: &Outlines,
        stars: Vec<Option<(u32, f64)>>,
        has_room: bool,
        members: &mut Vec<Pair>,
    ) {
        // What was kept before is earlier than anything kept now.
        let (before, mut scratch) = (self.kept.len(), Scratch::default());
        for (set, (&row, star)) in rows.iter().zip(stars).enumerate() {
            let (text, set) = (self.texts.get(row), outlines.get(set));
            let now = before..self.kept.len();
            let star = star.or_else(|| self.kept.similar(text, set, now, &mut scratch).next());
            match star {
                Some((left, similarity)) => members.push(Pair { left, right: row, similarity }),
                None if has_room => self.kept.add(row, set),
                None => (),
            }
        }
    }
}

/// A copy belongs to what the first row of its text belongs to, or to that row.
fn star_of_copy(row: u32, first: u32, members: &[Pair]) -> Pair {
    let of_first = members.binary_search_by_key(&first, |member| member.right);
    let star = of_first.map(|member| members[member]);
    Pair { right: row, ..star.unwrap_or(Pair { left: first, right: row, similarity: 1.0 }) }
}

#[cfg(test)]
mod tests {
    use arrow_array::LargeStringArray;

    use super::super::bounds::Threshold;
    use super::super::counts::GramCounts;
    use super::super::grams::Grams;
    use super::super::search::Source;
    use super::*;

    /// Kept row and row, with one-character grams.
    fn stars_of(texts: &[String], threshold: f64) -> Vec<(u32, u32)> {
        let column: LargeStringArray = texts.iter().map(Some).collect();
        let grams = Grams::new(column.iter().flatten(), 1);
        let outlines = Source::Made(GramCounts::new(column.iter().flatten(), &grams));
        let threshold = Threshold::new(threshold).unwrap();
        let texts = Texts { column: &column, grams: &grams, outlines: &outlines, threshold };
        stars(texts, SIZES).unwrap().iter().map(|star| (star.left, star.right)).collect()
    }

    /// The letters from `start` on.
    fn letters(start: u8, count: u8) -> String {
        (start..start + count).map(|offset| char::from(b'A' + offset)).collect()
    }

    fn windows(starts: &[u8]) -> Vec<String> {
        starts.iter().map(|&start| letters(start, 4)).collect()
    }

    #[test]
    fn a_chain_is_cut_where_it_leaves_the_kept_set() {
        assert_eq!(stars_of(&windows(&[0, 1, 2, 3]), 0.6), [(0, 1), (2, 3)]);
    }

    #[test]
    fn the_earliest_star_takes_a_set() {
        assert_eq!(stars_of(&windows(&[0, 2, 1]), 0.6), [(0, 2)]);
    }

    #[test]
    fn a_template_filled_in_often_has_one_kept_set() {
        let own = |number: u32| char::from_u32(0x4e00 + number).unwrap();
        let texts: Vec<String> =
            (0..20_000).map(|number| format!("{}{}", letters(0, 40), own(number))).collect();
        let stars = stars_of(&texts, 0.9);
        assert_eq!(stars.len(), 19_999);
        assert!(stars.iter().all(|&(kept, _)| kept == 0));
    }
}
