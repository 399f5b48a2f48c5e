//! About how often each gram occurs, in one byte.

use std::iter::repeat_n;

use super::grams::Grams;

/// Up to here a cell counts every occurrence.
const EXACT_UP_TO: u8 = 128;
/// Beyond, each of so many steps stands for twice the occurrences of the steps before.
const STEPS: u8 = 8;
/// Enough to tell rare grams from common ones, however many there are.
const MOST_CELLS: usize = 1 << 24;

/// Counts in cells that several grams may share and in which large numbers are estimates (Morris
/// 1978, "Counting large numbers of events in small registers"). A cell that says 1 is exact: its
/// gram occurs once in all texts.
pub struct GramCounts {
    /// A power of two of them, at least two.
    cells: Vec<u8>,
    shift: u32,
    /// The least count of a gram that two compared texts may share.
    least: u8,
}

impl GramCounts {
    /// Of texts that are compared with each other: a gram that occurs once is in one of them only.
    pub fn new<'t>(texts: impl Iterator<Item = &'t str> + Clone, grams: &Grams) -> Self {
        let bytes: usize = texts.clone().map(str::len).sum();
        let cells = (bytes / 4).clamp(2, MOST_CELLS).next_power_of_two();
        let mut counts = Self::of(vec![0; cells]);
        let mut occurrences = 0;
        for text in texts {
            grams.each(text, |gram| {
                occurrences += 1;
                counts.count(gram, occurrences);
            });
        }
        counts
    }

    /// Of texts that others are compared with: a gram that occurs once may be in those as well.
    pub fn for_others<'t>(texts: impl Iterator<Item = &'t str> + Clone, grams: &Grams) -> Self {
        Self { least: 1, ..Self::new(texts, grams) }
    }

    /// What the texts of all parts together would say, or a little more: a cell of a smaller part
    /// stands for several, each of which gets all it holds. None if a part has not the cells of
    /// any counts.
    pub fn sum<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> Option<Self> {
        let values: Vec<u32> = (0..=u8::MAX).map(value).collect();
        let mut sums: Vec<u32> = vec![0; 2];
        for part in parts {
            let part = part.as_ref();
            if part.len() < 2 || !part.len().is_power_of_two() {
                return None;
            }
            if part.len() > sums.len() {
                let times = part.len() / sums.len();
                sums = sums.iter().flat_map(|&sum| repeat_n(sum, times)).collect();
            }
            let times = sums.len() / part.len();
            for (sums, &cell) in sums.chunks_exact_mut(times).zip(part) {
                for sum in sums {
                    *sum = sum.saturating_add(values[cell as usize]);
                }
            }
        }
        Some(Self::of(sums.into_iter().map(largest_cell).collect()))
    }

    pub fn cells(&self) -> &[u8] {
        &self.cells
    }

    fn of(cells: Vec<u8>) -> Self {
        Self { shift: u64::BITS - cells.len().ilog2(), cells, least: 2 }
    }

    fn count(&mut self, gram: u64, occurrence: u64) {
        let cell = self.cell(gram);
        let count = &mut self.cells[cell];
        let doublings = u32::from(count.saturating_sub(EXACT_UP_TO) / STEPS);
        // In place of chance: a number that scatters, and is the same in every run.
        if scattered(occurrence).trailing_zeros() >= doublings {
            *count = count.saturating_add(1);
        }
    }

    fn get(&self, gram: u64) -> u8 {
        self.cells[self.cell(gram)]
    }

    /// The count of a gram, or None if no two compared texts share it.
    pub fn if_shareable(&self, gram: u64) -> Option<u8> {
        let count = self.get(gram);
        (count >= self.least).then_some(count)
    }

    fn cell(&self, gram: u64) -> usize {
        (scattered(gram) >> self.shift) as usize
    }
}

/// The occurrences that a cell stands for.
fn value(cell: u8) -> u32 {
    let (doublings, steps) =
        (cell.saturating_sub(EXACT_UP_TO) / STEPS, cell.saturating_sub(EXACT_UP_TO) % STEPS);
    u32::from(cell.min(EXACT_UP_TO))
        + u32::from(STEPS) * ((1 << doublings) - 1)
        + (u32::from(steps) << doublings)
}

/// The cell that stands for `occurrences`, or for as many of them as a cell can.
fn largest_cell(occurrences: u32) -> u8 {
    let Some(beyond) = occurrences.checked_sub(u32::from(EXACT_UP_TO)) else {
        return occurrences as u8;
    };
    let (steps, exact) = (u32::from(STEPS), u32::from(EXACT_UP_TO));
    let doublings = (beyond / steps + 1).ilog2();
    let within = (beyond - steps * ((1 << doublings) - 1)) >> doublings;
    (exact + steps * doublings + within).min(u8::MAX.into()) as u8
}

/// Fibonacci hashing with the top half folded in, so that all bits depend on all.
pub fn scattered(number: u64) -> u64 {
    let product = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (product ^ (product >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted<'a>(texts: &[&'a str]) -> (Grams<'a>, GramCounts) {
        let texts = texts.iter().copied();
        let grams = Grams::new(texts.clone(), 3);
        let counts = GramCounts::new(texts, &grams);
        (grams, counts)
    }

    #[test]
    fn one_is_exact_and_more_is_never_less_than_two() {
        let texts = ["abcabd", "xyz", "xyz"];
        let (grams, counts) = counted(&texts);
        for text in &texts[1..] {
            grams.each(text, |gram| assert!(counts.get(gram) >= 2));
        }
    }

    #[test]
    fn counts_of_parts_add_up() {
        let (often, seldom) = ("a".repeat(5_002), "bcd");
        let parts = [vec![often.as_str(), seldom], vec![seldom, "xyz"], vec![]]
            .map(|texts| counted(&texts).1.cells().to_vec());
        let sum = GramCounts::sum(&parts).unwrap();
        let (grams, _) = counted(&[]);
        let of = |text| sum.get(grams.set(text)[0]);
        assert!((3_500..7_000).contains(&value(of(&often))), "{}", value(of(&often)));
        assert!(of(seldom) >= 2);
        assert!(of("xyz") >= 1);
    }

    #[test]
    fn cells_that_are_no_counts_are_refused() {
        assert!(GramCounts::sum([&[0, 0][..], &[0, 0, 0]]).is_none());
        assert!(GramCounts::sum([[]]).is_none());
        assert!(GramCounts::sum([[0; 0]; 0]).is_some());
    }

    #[test]
    fn values_grow_with_the_cells() {
        assert_eq!([0, 1, 128, 129, 136, 137].map(value), [0, 1, 128, 129, 136, 138]);
        assert!((1..=u8::MAX).all(|cell| value(cell) > value(cell - 1)));
        assert!((0..=u8::MAX).all(|cell| largest_cell(value(cell)) == cell));
        assert!((1..=u8::MAX).all(|cell| largest_cell(value(cell) - 1) == cell - 1));
        assert_eq!(largest_cell(u32::MAX), u8::MAX);
    }

    #[test]
    fn estimates_grow_with_the_count() {
        let (often, seldom) = ("a".repeat(100_000), "b".repeat(5_000));
        let texts = [often.as_str(), &seldom];
        let (grams, counts) = counted(&texts);
        let of = |text| counts.get(grams.set(text)[0]);
        assert!(EXACT_UP_TO < of(&seldom) && of(&seldom) < of(&often) && of(&often) < u8::MAX);
    }
}
