//! The itemsets found so far, by their length, and the memory they may take.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Error;

/// Charged to the shared budget in steps of this size, so that threads seldom meet.
const STEP_BYTES: usize = 1 << 16;

/// The bytes a call may still take; shared by its threads.
pub(super) struct Budget {
    limit: Option<usize>,
    used: AtomicUsize,
    advice: &'static str,
}

impl Budget {
    pub fn new(limit: Option<usize>, advice: &'static str) -> Self {
        Self { limit, used: AtomicUsize::new(0), advice }
    }

    /// Takes `bytes`, or says that they are not there.
    pub fn charge(&self, bytes: usize) -> Result<(), Error> {
        let Some(limit) = self.limit else { return Ok(()) };
        let used = self.used.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if used <= limit {
            return Ok(());
        }
        Err(Error::MemoryLimit { limit, advice: self.advice })
    }
}

/// Itemsets of one length: `length` names each, one after the other, and a count each.
#[derive(Default)]
pub(super) struct Level {
    pub names: Vec<u32>,
    pub counts: Vec<u32>,
}

/// Itemsets by length; those of length 1 stand at 0.
pub(super) struct Found<'a> {
    pub levels: Vec<Level>,
    budget: &'a Budget,
    uncharged: usize,
}

impl<'a> Found<'a> {
    pub fn new(budget: &'a Budget) -> Self {
        Self { levels: Vec::new(), budget, uncharged: 0 }
    }

    /// Adds the itemset `path`, which is in `count` rows.
    pub fn push(&mut self, path: &Path, count: u32) -> Result<(), Error> {
        let length = path.names.len();
        if self.levels.len() < length {
            self.levels.resize_with(length, Level::default);
        }
        let level = &mut self.levels[length - 1];
        level.names.extend_from_slice(&path.names);
        level.counts.push(count);
        self.uncharged += path.bytes();
        if self.uncharged < STEP_BYTES { Ok(()) } else { self.settle() }
    }

    /// Charges what is still uncharged; every branch of the search ends with it.
    pub fn settle(&mut self) -> Result<(), Error> {
        self.budget.charge(std::mem::take(&mut self.uncharged))
    }
}

/// The itemset the search stands at: names in ascending order.
#[derive(Clone, Default)]
pub(super) struct Path {
    pub names: Vec<u32>,
}

impl Path {
    pub fn push(&mut self, name: u32) {
        let position = self.names.partition_point(|&other| other < name);
        self.names.insert(position, name);
    }

    pub fn remove(&mut self, name: u32) {
        self.names.retain(|&other| other != name);
    }

    /// What the itemset takes until it is in the table: found twice over (a growing vector), the
    /// order, and the columns without the bytes of the texts, which are charged with the table.
    fn bytes(&self) -> usize {
        56 + 24 * self.names.len()
    }
}
