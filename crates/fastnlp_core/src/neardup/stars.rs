//! Which rows to keep: stars instead of chains.

use rustc_hash::FxHashMap;

use super::Pair;

/// One entry for each row that is not kept, `left` being its kept row; ascending by row.
///
/// Greedy, in input order: a row that no earlier row has taken is kept and takes every row it is
/// paired with that is still free. So each member is within the threshold of its kept row, which
/// is the earliest of the cluster; a chain of small changes does not end up in one cluster.
///
/// `pairs` must be ascending by (left, right). Rows with equal n-gram sets need only be paired
/// with the first of them: whatever takes the first takes all of them.
pub fn stars(pairs: &[Pair]) -> Vec<Pair> {
    let mut taken: FxHashMap<u32, Pair> = FxHashMap::default();
    for &pair in pairs {
        // All pairs (earlier, left) came before, so whether `left` is taken is settled.
        let star = match taken.get(&pair.left) {
            None => pair,
            Some(&star) if pair.similarity == 1.0 => Pair { right: pair.right, ..star },
            Some(_) => continue,
        };
        taken.entry(pair.right).or_insert(star);
    }
    let mut members: Vec<Pair> = taken.into_values().collect();
    members.sort_unstable_by_key(|member| member.right);
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(left: u32, right: u32, similarity: f64) -> Pair {
        Pair { left, right, similarity }
    }

    #[test]
    fn a_chain_is_cut_where_it_leaves_the_kept_row() {
        let pairs = [pair(0, 1, 0.8), pair(1, 2, 0.8), pair(2, 3, 0.9)];
        assert_eq!(stars(&pairs), [pair(0, 1, 0.8), pair(2, 3, 0.9)]);
    }

    #[test]
    fn the_earliest_star_takes_a_row() {
        let pairs = [pair(0, 2, 0.8), pair(1, 2, 0.9)];
        assert_eq!(stars(&pairs), [pair(0, 2, 0.8)]);
    }

    #[test]
    fn equal_rows_follow_the_first_of_them() {
        let pairs = [pair(0, 1, 0.8), pair(1, 2, 1.0), pair(1, 3, 1.0)];
        assert_eq!(stars(&pairs), [pair(0, 1, 0.8), pair(0, 2, 0.8), pair(0, 3, 0.8)]);
    }
}
