//! Closed and maximal itemsets. Uno, Kiyomi, Arimura (2004), "LCM ver. 2: efficient mining
//! algorithms for frequent/closed/maximal itemsets".
//!
//! A closed itemset is found once: under the item that completes it last in the order of the
//! search. An item that closes too early shows that the itemset belongs to another branch.

use rayon::prelude::*;

use super::found::{Found, Path};
use super::rows::{Occurrences, Rows};
use super::search::{HEAVY_VALUES, Limits};
use crate::Error;

/// The closed itemsets that extend `path` by the first `extendable` items of `rows`, or the
/// maximal ones among them. Heavy branches are searched again by their branches.
pub(super) fn side_by_side<'a>(
    rows: &Rows,
    extendable: u32,
    path: &Path,
    limits: Limits<'a>,
    only_maximal: bool,
) -> Result<Vec<Found<'a>>, Error> {
    let occurrences = rows.occurrences();
    let one_branch = |item: u32| {
        let path = path.clone();
        let mut search = Search { path, found: Found::new(limits.budget), limits, only_maximal };
        let mut parts = Vec::new();
        if let Some((below, extendable)) = search.enter(rows, item, &occurrences)? {
            if below.num_values() < HEAVY_VALUES {
                search.rows(&below, extendable)?;
            } else {
                let path = &search.path;
                parts = side_by_side(&below, extendable, path, limits, only_maximal)?;
            }
        }
        search.found.settle()?;
        parts.push(search.found);
        Ok(parts)
    };
    let parts: Result<Vec<_>, Error> = (0..extendable).into_par_iter().map(one_branch).collect();
    Ok(parts?.into_iter().flatten().collect())
}

/// One thread's way through a branch.
struct Search<'a> {
    path: Path,
    found: Found<'a>,
    limits: Limits<'a>,
    only_maximal: bool,
}

impl Search<'_> {
    fn rows(&mut self, rows: &Rows, extendable: u32) -> Result<(), Error> {
        let occurrences = rows.occurrences();
        for item in 0..extendable {
            let path = self.path.clone();
            if let Some((below, extendable)) = self.enter(rows, item, &occurrences)? {
                self.rows(&below, extendable)?;
            }
            self.path = path;
        }
        Ok(())
    }

    /// Extends the path by `item` and all that comes with it, and reports it. What there is to
    /// search below, and how many of its items may extend the path; None if there is nothing.
    fn enter(
        &mut self,
        rows: &Rows,
        item: u32,
        occurrences: &Occurrences,
    ) -> Result<Option<(Rows, u32)>, Error> {
        let holding = rows.holding(item, occurrences, self.limits.min_count);
        if holding.closes_early {
            return Ok(None);
        }
        self.path.push(rows.names[item as usize]);
        for &name in &holding.closure {
            self.path.push(name);
        }
        let length = self.path.names.len();
        let maximal = holding.rows.num_items() == 0;
        if length <= self.limits.max_length && (maximal || !self.only_maximal) {
            self.found.push(&self.path, rows.supports[item as usize])?;
        }
        let go_on = holding.extendable > 0 && length < self.limits.max_length;
        Ok(go_on.then_some((holding.rows, holding.extendable)))
    }
}
