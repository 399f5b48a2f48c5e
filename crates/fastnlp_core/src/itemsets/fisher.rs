//! Fisher's exact test. Fisher (1922), "On the interpretation of χ² from contingency tables"; the
//! probabilities by Loader (2000), "Fast and accurate computation of binomial probabilities".

use std::f64::consts::TAU;

/// Probability that two events share at least `both` of `total` rows by chance, when one is in
/// `left` and the other in `right` of them: the one-sided p-value ("greater").
///
/// Neither `left` nor `right` is above `total`, and `both` is not above either.
#[must_use]
pub fn fisher_exact(total: u64, left: u64, right: u64, both: u64) -> f64 {
    let fewest = left.saturating_sub(total - right);
    let most = left.min(right);
    if both <= fewest {
        return 1.0;
    }
    let counts = Counts { total: total as f64, left: left as f64, right: right as f64 };
    let mode = (counts.left + 1.0) * (counts.right + 1.0) / (counts.total + 2.0);
    if both as f64 > mode {
        counts.sum_from(both, both..most, |shared| counts.step_up(shared)).min(1.0)
    } else {
        let below = (fewest + 1..both).rev();
        1.0 - counts.sum_from(both - 1, below, |shared| counts.step_up(shared - 1.0).recip())
    }
}

#[derive(Clone, Copy)]
struct Counts {
    total: f64,
    left: f64,
    right: f64,
}

impl Counts {
    /// P(`first`) and the probabilities that follow by the factors of `steps`, which fall.
    fn sum_from(
        &self,
        first: u64,
        steps: impl Iterator<Item = u64>,
        factor: impl Fn(f64) -> f64,
    ) -> f64 {
        let (mut sum, mut term) = (1.0, 1.0);
        for shared in steps {
            term *= factor(shared as f64);
            sum += term;
            if term < sum * f64::EPSILON / 16.0 {
                break;
            }
        }
        sum * self.ln_probability(first as f64).exp()
    }

    /// P(shared + 1) / P(shared).
    fn step_up(&self, shared: f64) -> f64 {
        let neither = self.total - self.left - self.right + shared;
        (self.left - shared) * (self.right - shared) / ((shared + 1.0) * (neither + 1.0))
    }

    /// ln P(shared) of the hypergeometric distribution, as three binomials with equal odds.
    fn ln_probability(&self, shared: f64) -> f64 {
        let share = self.right / self.total;
        ln_binomial(shared, self.left, share)
            + ln_binomial(self.right - shared, self.total - self.left, share)
            - ln_binomial(self.right, self.total, share)
    }
}

/// ln of the probability of `hits` in `trials` at odds `share`, in (0, 1).
fn ln_binomial(hits: f64, trials: f64, share: f64) -> f64 {
    let misses = trials - hits;
    if hits == 0.0 {
        return trials * (-share).ln_1p();
    }
    if misses == 0.0 {
        return trials * share.ln();
    }
    stirling_error(trials)
        - stirling_error(hits)
        - stirling_error(misses)
        - deviance(hits, trials * share)
        - deviance(misses, trials * (1.0 - share))
        + 0.5 * (trials / (TAU * hits * misses)).ln()
}

/// ln n! - ln(√(2πn) (n/e)ⁿ), for whole n of at least 1.
fn stirling_error(n: f64) -> f64 {
    const SMALL: [f64; 16] = [
        0.081_061_466_795_327_26,
        0.041_340_695_955_409_3,
        0.027_677_925_684_998_34,
        0.020_790_672_103_765_093,
        0.016_644_691_189_821_193,
        0.013_876_128_823_070_748,
        0.011_896_709_945_891_77,
        0.010_411_265_261_972_096,
        0.009_255_462_182_712_733,
        0.008_330_563_433_362_87,
        0.007_573_675_487_951_841,
        0.006_942_840_107_209_53,
        0.006_408_994_188_004_207,
        0.005_951_370_112_758_848,
        0.005_554_733_551_962_801,
        0.005_207_655_919_609_64,
    ];
    if n <= SMALL.len() as f64 {
        return SMALL[n as usize - 1];
    }
    let square = n * n;
    let tail = 1.0 / 1680.0 - (1.0 / 1188.0 - 691.0 / 360_360.0 / square) / square;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - tail / square) / square) / square) / n
}

/// x ln(x / mean) + mean - x, exact also where x is close to the mean.
fn deviance(x: f64, mean: f64) -> f64 {
    let relative = (x - mean) / (x + mean);
    if relative.abs() >= 0.1 {
        return x * (x / mean).ln() + mean - x;
    }
    let mut sum = (x - mean) * relative;
    let mut power = 2.0 * x * relative;
    for odd in (3..).step_by(2) {
        power *= relative * relative;
        let next = sum + power / f64::from(odd);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The p-value by whole numbers, for totals whose binomials fit.
    fn by_counting(total: u64, left: u64, right: u64, both: u64) -> f64 {
        let choose =
            |n: u64, k: u64| (0..k).fold(1u128, |c, i| c * u128::from(n - i) / u128::from(i + 1));
        let ways = |shared: u64| {
            let others = right - shared;
            if others > total - left {
                0
            } else {
                choose(left, shared) * choose(total - left, others)
            }
        };
        (both..=left.min(right)).map(ways).sum::<u128>() as f64 / choose(total, right) as f64
    }

    #[test]
    fn the_lady_tasting_tea_is_not_yet_convincing() {
        // Four cups of each kind, three of the four named right: 17 of 70 ways.
        assert!((fisher_exact(8, 4, 4, 3) - 17.0 / 70.0).abs() < 1e-15);
    }

    #[test]
    fn what_must_happen_has_probability_one() {
        assert_eq!(fisher_exact(10, 10, 4, 4), 1.0);
        assert_eq!(fisher_exact(10, 0, 4, 0), 1.0);
        assert_eq!(fisher_exact(0, 0, 0, 0), 1.0);
    }

    proptest! {
        #[test]
        fn equals_the_count_of_all_tables(
            (total, left, right) in (1u64..60).prop_flat_map(|n| (Just(n), 0..=n, 0..=n)),
            share in 0.0..=1.0f64,
        ) {
            let fewest = (left + right).saturating_sub(total);
            let both = fewest + (share * (left.min(right) - fewest) as f64) as u64;
            let expected = by_counting(total, left, right, both);
            let p_value = fisher_exact(total, left, right, both);
            prop_assert!((p_value / expected - 1.0).abs() < 1e-12, "{p_value} for {expected}");
        }
    }
}
