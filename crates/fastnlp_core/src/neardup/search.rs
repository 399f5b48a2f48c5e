//! Similar sets: candidates through an index over prefixes, then the exact count.

use std::ops::Range;

use arrow_array::LargeStringArray;

use super::bounds::Threshold;
use super::counts::GramCounts;
use super::grams::{Grams, shared_grams};
use super::index::Index;
use super::outline::{GramSet, Lists, Outline, Outlines};
use super::parts::Given;
use crate::Error;

/// Texts, and how their gram sets come about.
#[derive(Clone, Copy)]
pub struct Texts<'a> {
    pub column: &'a LargeStringArray,
    pub grams: &'a Grams<'a>,
    pub outlines: &'a Source<'a>,
    pub threshold: Threshold,
}

/// Where outlines come from: given from outside, or made of counts whenever they are needed.
pub enum Source<'a> {
    Given(Given<'a>),
    Made(GramCounts),
}

impl<'a> Texts<'a> {
    /// The rows that hold a text.
    pub fn rows(self) -> impl Iterator<Item = u32> + 'a {
        let with_text = (0..).zip(self.column.iter());
        with_text.filter_map(|(row, text)| text.map(|_| row))
    }

    pub fn get(self, row: u32) -> &'a str {
        self.column.value(row as usize)
    }

    /// # Errors
    /// Those of [`Given::read`].
    pub fn outlines(self, rows: &[u32]) -> Result<Outlines, Error> {
        let texts = rows.iter().map(|&row| self.get(row));
        match self.outlines {
            Source::Given(given) => given.read(rows.iter().copied().zip(texts)),
            Source::Made(counts) => {
                let texts: Vec<&str> = texts.collect();
                Ok(Outlines::new(&texts, self.grams, counts, self.threshold))
            }
        }
    }
}

/// Gram sets of some texts, numbered in the order in which they were added, to be found by others.
pub struct Sets<'a> {
    texts: Texts<'a>,
    rows: Vec<u32>,
    outlines: Vec<Outline>,
    /// Grams in the largest set.
    largest: usize,
    index: Index,
    /// All grams of the first sets.
    held: Lists,
}

/// Room for one search after another.
#[derive(Default)]
pub struct Scratch {
    /// For each size of a partner, from the least possible on: how many grams it must share.
    overlaps: Vec<usize>,
    candidates: Vec<u32>,
    own: Vec<u64>,
    other: Vec<u64>,
}

impl<'a> Sets<'a> {
    pub fn new(texts: Texts<'a>) -> Self {
        Self {
            texts,
            rows: Vec::new(),
            outlines: Vec::new(),
            largest: 0,
            index: Index::default(),
            held: Lists::default(),
        }
    }

    /// How many sets there are.
    pub fn len(&self) -> u32 {
        self.rows.len() as u32
    }

    /// How many grams lead to sets: what their memory grows with.
    pub fn postings(&self) -> usize {
        self.index.len()
    }

    /// Adds the set of the text in `row`.
    pub fn add(&mut self, row: u32, set: GramSet) {
        self.index.add(self.len(), set);
        self.largest = self.largest.max(set.outline.size as usize);
        self.rows.push(row);
        self.outlines.push(*set.outline);
    }

    /// Holds the grams of the sets that were added, up to the one that brings them to `most`: to
    /// make them anew takes most of the time of a comparison.
    pub fn hold(&mut self, most: usize) {
        let mut set = Vec::new();
        for &row in &self.rows[self.held.len()..] {
            if self.held.num_grams() >= most {
                break;
            }
            self.texts.grams.put_set(self.texts.get(row), &mut set);
            self.held.push(set.iter().copied());
        }
    }

    /// The row and the similarity of the sets in `among` that are similar to the set of `text`, in
    /// the order in which they were added.
    pub fn similar<'s>(
        &'s self,
        text: &str,
        set: GramSet,
        among: Range<u32>,
        scratch: &'s mut Scratch,
    ) -> impl Iterator<Item = (u32, f64)> + 's {
        let least = self.texts.threshold.fewest_shared(set.outline.size as usize);
        self.put_candidates(set, least, among, scratch);
        let Scratch { overlaps, candidates, own, other } = scratch;
        if !candidates.is_empty() {
            self.texts.grams.put_set(text, own);
        }
        candidates.iter().filter_map(move |&number| {
            let other = self.grams_of(number as usize, other);
            let size = self.outlines[number as usize].size as usize;
            let shared = shared_grams(own, other, overlaps[size - least])?;
            let similarity = shared as f64 / (own.len() + other.len() - shared) as f64;
            Some((self.rows[number as usize], similarity))
        })
    }

    /// The grams of a set: those held, or made anew in `room`.
    fn grams_of<'s>(&'s self, number: usize, room: &'s mut Vec<u64>) -> &'s [u64] {
        if number < self.held.len() {
            return self.held.get(number);
        }
        self.texts.grams.put_set(self.texts.get(self.rows[number]), room);
        room
    }

    /// Partners that share a gram of their prefixes early enough, and enough bits.
    fn put_candidates(&self, set: GramSet, least: usize, among: Range<u32>, scratch: &mut Scratch) {
        let Scratch { overlaps, candidates, .. } = scratch;
        candidates.clear();
        if among.is_empty() {
            return;
        }
        self.put_overlaps(set.outline.size as usize, least, overlaps);
        for (remaining, postings) in self.index.partners(set, among) {
            for posting in postings {
                // Both sets are in the same order, so what they share stands from here on, if this
                // is the first gram they share; if it is not, the first one passes as well.
                let most = remaining.min(posting.remaining) as usize;
                let overlap = overlaps.get((posting.size as usize).wrapping_sub(least));
                if overlap.is_some_and(|&overlap| most >= overlap) {
                    candidates.push(posting.set);
                }
            }
        }
        candidates.sort_unstable();
        candidates.dedup();
        candidates.retain(|&number| {
            let other = &self.outlines[number as usize];
            set.outline.most_shared(other) >= overlaps[other.size as usize - least]
        });
    }

    /// How many grams a set of `size` must share with partners of `least` grams and more.
    fn put_overlaps(&self, size: usize, least: usize, overlaps: &mut Vec<usize>) {
        overlaps.clear();
        let possible = |other: usize| other <= size || self.texts.threshold.passes(size, other);
        let sizes = (least..=self.largest).take_while(|&other| possible(other));
        overlaps.extend(sizes.map(|other| self.texts.threshold.overlap(size + other)));
    }
}
