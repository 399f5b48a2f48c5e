//! Every frequent itemset, depth first. Zaki (2000), "Scalable algorithms for association mining".
//!
//! Sparse databases are narrowed row by row; as soon as it is cheaper, rows become bit columns.

use rayon::prelude::*;

use super::bits::Columns;
use super::found::{Budget, Found, Path};
use super::rows::Rows;
use crate::Error;

/// With so few items the bits of a row are one word, and bits always win.
const FEW_ITEMS: usize = 64;
/// Rows whose bits are joined and counted in the time it takes to touch one item of a row.
const ROWS_PER_TOUCH: usize = 256;
/// Databases with fewer items in all their rows are searched by one thread.
pub(super) const HEAVY_VALUES: usize = 1 << 15;

/// What every branch of a search needs to know.
#[derive(Clone, Copy)]
pub(super) struct Limits<'a> {
    pub min_count: u32,
    pub max_length: usize,
    pub budget: &'a Budget,
}

/// The frequent itemsets that extend `path`, which is in `support` rows, by items of `rows`.
/// Branches are searched side by side, and heavy ones again by their branches.
pub(super) fn side_by_side<'a>(
    rows: &Rows,
    path: &Path,
    support: u32,
    limits: Limits<'a>,
) -> Result<Vec<Found<'a>>, Error> {
    if prefers_bits(rows) {
        let columns = Columns::new(rows);
        let one_branch = |index| {
            let mut search = Search::new(path.clone(), limits);
            search.column_branch(&columns, index, support)?;
            search.finish()
        };
        return (0..columns.num_items()).into_par_iter().map(one_branch).collect();
    }
    let occurrences = rows.occurrences();
    let one_branch = |item: u32| {
        let mut search = Search::new(path.clone(), limits);
        let support = rows.supports[item as usize];
        search.enter(rows.names[item as usize], support)?;
        let mut parts = Vec::new();
        if search.may_grow() {
            let below = rows.below(item, &occurrences, limits.min_count);
            if below.num_values() < HEAVY_VALUES {
                search.rows(&below, support)?;
            } else {
                parts = side_by_side(&below, &search.path, support, limits)?;
            }
        }
        parts.push(search.finish()?);
        Ok(parts)
    };
    let parts: Result<Vec<_>, Error> =
        (0..rows.num_items() as u32).into_par_iter().map(one_branch).collect();
    Ok(parts?.into_iter().flatten().collect())
}

/// Whether joining bit columns is cheaper than touching the items of rows.
fn prefers_bits(rows: &Rows) -> bool {
    let pairs = rows.num_items() * rows.num_items() / 2;
    let mean_length = rows.num_values() / rows.num_rows().max(1);
    rows.num_items() <= FEW_ITEMS
        || pairs * (rows.num_rows() / ROWS_PER_TOUCH + 1) < rows.num_values() * mean_length / 2
}

/// One thread's way through a branch.
struct Search<'a> {
    path: Path,
    found: Found<'a>,
    limits: Limits<'a>,
    /// Columns that deeper levels fill again and again.
    spare: Vec<Columns>,
}

impl<'a> Search<'a> {
    fn new(path: Path, limits: Limits<'a>) -> Self {
        Self { path, found: Found::new(limits.budget), limits, spare: Vec::new() }
    }

    fn finish(mut self) -> Result<Found<'a>, Error> {
        self.found.settle()?;
        Ok(self.found)
    }

    fn enter(&mut self, name: u32, support: u32) -> Result<(), Error> {
        self.path.push(name);
        self.found.push(&self.path, support)
    }

    fn may_grow(&self) -> bool {
        self.path.names.len() < self.limits.max_length
    }

    fn rows(&mut self, rows: &Rows, path_support: u32) -> Result<(), Error> {
        if prefers_bits(rows) {
            return self.columns(&Columns::new(rows), 0, path_support);
        }
        let occurrences = rows.occurrences();
        for item in 0..rows.num_items() as u32 {
            let (name, support) = (rows.names[item as usize], rows.supports[item as usize]);
            self.enter(name, support)?;
            if self.may_grow() {
                self.rows(&rows.below(item, &occurrences, self.limits.min_count), support)?;
            }
            self.path.remove(name);
        }
        Ok(())
    }

    /// The branches of the columns from `first` on.
    fn columns(&mut self, columns: &Columns, first: usize, path_support: u32) -> Result<(), Error> {
        for index in first..columns.num_items() {
            self.column_branch(columns, index, path_support)?;
        }
        Ok(())
    }

    fn column_branch(
        &mut self,
        columns: &Columns,
        index: usize,
        path_support: u32,
    ) -> Result<(), Error> {
        let (name, support) = (columns.names[index], columns.supports[index]);
        self.enter(name, support)?;
        if self.may_grow() && index + 1 < columns.num_items() {
            if support == path_support {
                // The item is in every row of the path: the later columns stay as they are.
                self.columns(columns, index + 1, path_support)?;
            } else {
                let mut below = self.spare.pop().unwrap_or_default();
                below.fill_from(columns, index, self.limits.min_count);
                self.columns(&below, 0, support)?;
                self.spare.push(below);
            }
        }
        self.path.remove(name);
        Ok(())
    }
}
