//! Rules that a shorter rule makes needless. Bayardo, Agrawal, Gunopulos (2000), "Constraint-based
//! rule mining in large, dense databases".

use super::rules::Rule;
use super::subsets::{Itemsets, Lookup};

/// Whether a part of the antecedent, or none of it, predicts the consequent as surely. Time
/// O(2^k) for an antecedent of k items; compared as whole numbers, so that ties are ties.
pub(super) fn is_redundant(itemsets: &Itemsets, lookup: &Lookup, rule: Rule, total: u64) -> bool {
    let items = itemsets.items(rule.itemset);
    let consequent = ((1u32 << items.len()) - 1) ^ rule.mask;
    let count = |mask: u32| -> u128 {
        let part: Vec<u32> =
            (0..items.len()).filter(|bit| mask >> bit & 1 == 1).map(|bit| items[bit]).collect();
        let count = if part.is_empty() { total } else { itemsets.counts[lookup[&*part] as usize] };
        u128::from(count)
    };
    let (both, antecedent) = (count(rule.mask | consequent), count(rule.mask));
    proper_submasks(rule.mask)
        .any(|part| count(part | consequent) * antecedent >= both * count(part))
}

/// Every submask but `mask` itself, down to 0.
fn proper_submasks(mask: u32) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(mask), move |&part| (part != 0).then(|| (part - 1) & mask)).skip(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submasks_end_with_nothing() {
        assert_eq!(proper_submasks(0b101).collect::<Vec<_>>(), [0b100, 0b001, 0]);
    }
}
