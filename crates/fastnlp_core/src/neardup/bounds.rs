//! The threshold and the bounds that follow from it.

use std::hash::{Hash, Hasher};

use crate::Error;

/// A similarity in (0, 1].
///
/// Every bound is found by asking [`Threshold::passes`] itself, the test that also decides a pair,
/// so rounding can never make a filter stricter than the decision.
#[derive(Debug, Clone, Copy)]
pub struct Threshold(f64);

impl Hash for Threshold {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.to_bits().hash(hasher);
    }
}

impl Threshold {
    /// # Errors
    /// [`Error::OutOfRange`] unless 0 < `threshold` ≤ 1.
    pub fn new(threshold: f64) -> Result<Self, Error> {
        if threshold > 0.0 && threshold <= 1.0 {
            return Ok(Self(threshold));
        }
        let expected = "a similarity above 0 and at most 1";
        Err(Error::OutOfRange { argument: "threshold", expected, found: threshold.to_string() })
    }

    /// Whether sets that share `shared` of `union` members are similar enough.
    pub fn passes(self, shared: usize, union: usize) -> bool {
        shared as f64 / union as f64 >= self.0
    }

    /// Fewest members that a set of `size` must share with any partner; also the smallest size of
    /// a partner.
    pub fn fewest_shared(self, size: usize) -> usize {
        least(self.0 * size as f64, |shared| self.passes(shared, size))
    }

    /// Fewest shared members of two sets whose sizes add up to `sizes`.
    pub fn overlap(self, sizes: usize) -> usize {
        let guess = sizes as f64 * self.0 / (1.0 + self.0);
        least(guess, |shared| self.passes(shared, sizes - shared))
    }
}

/// The least number for which `holds`, which is false below some number near `guess` and true
/// from there on.
fn least(guess: f64, holds: impl Fn(usize) -> bool) -> usize {
    let mut number = guess as usize;
    while number > 0 && holds(number - 1) {
        number -= 1;
    }
    while !holds(number) {
        number += 1;
    }
    number
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn thresholds_outside_their_range_are_refused() {
        for threshold in [0.0, -0.5, 1.01, f64::NAN, f64::INFINITY] {
            assert!(Threshold::new(threshold).is_err(), "{threshold}");
        }
        let message = Threshold::new(0.0).unwrap_err().to_string();
        assert_eq!(message, "threshold: expected a similarity above 0 and at most 1, got 0");
    }

    proptest! {
        #[test]
        fn bounds_are_the_least_numbers_that_pass(
            threshold in 0.001..=1.0f64, left in 1usize..300, right in 1usize..300,
        ) {
            let threshold = Threshold::new(threshold).unwrap();
            let fewest = (0..=left).find(|&shared| threshold.passes(shared, left)).unwrap();
            prop_assert_eq!(threshold.fewest_shared(left), fewest);
            let sizes = left + right;
            let overlap = (0..=sizes).find(|&shared| threshold.passes(shared, sizes - shared));
            prop_assert_eq!(threshold.overlap(sizes), overlap.unwrap());
        }
    }
}
