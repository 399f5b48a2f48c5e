//! About how often each gram occurs, in one byte.

use super::grams::Grams;

/// Up to here a cell counts every occurrence.
const EXACT_UP_TO: u8 = 128;
/// Beyond, each of so many steps stands for twice the occurrences of the steps before.
const STEPS: u8 = 8;

/// Counts in cells that several grams may share and in which large numbers are estimates (Morris
/// 1978, "Counting large numbers of events in small registers"). A cell that says 1 is exact: its
/// gram occurs once in all texts.
pub struct GramCounts {
    cells: Vec<u8>,
    shift: u32,
}

impl GramCounts {
    pub fn new(texts: &[&str], grams: &Grams) -> Self {
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        let bits = (bytes / 4).max(2).next_power_of_two().ilog2();
        let mut counts = Self { cells: vec![0; 1 << bits], shift: u64::BITS - bits };
        let mut occurrences = 0;
        for text in texts {
            grams.each(text, |gram| {
                occurrences += 1;
                counts.count(gram, occurrences);
            });
        }
        counts
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

    pub fn get(&self, gram: u64) -> u8 {
        self.cells[self.cell(gram)]
    }

    fn cell(&self, gram: u64) -> usize {
        (scattered(gram) >> self.shift) as usize
    }
}

/// Fibonacci hashing with the top half folded in, so that all bits depend on all.
pub fn scattered(number: u64) -> u64 {
    let product = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (product ^ (product >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_exact_and_more_is_never_less_than_two() {
        let texts = ["abcabd", "xyz", "xyz"];
        let grams = Grams::new(&texts, 3);
        let counts = GramCounts::new(&texts, &grams);
        for text in &texts[1..] {
            grams.each(text, |gram| assert!(counts.get(gram) >= 2));
        }
    }

    #[test]
    fn estimates_grow_with_the_count() {
        let (often, seldom) = ("a".repeat(100_000), "b".repeat(5_000));
        let texts = [often.as_str(), &seldom];
        let grams = Grams::new(&texts, 3);
        let counts = GramCounts::new(&texts, &grams);
        let of = |text| counts.get(grams.set(text)[0]);
        assert!(EXACT_UP_TO < of(&seldom) && of(&seldom) < of(&often) && of(&often) < u8::MAX);
    }
}
