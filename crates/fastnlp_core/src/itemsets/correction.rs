//! Many tests at once. Benjamini and Hochberg (1995), "Controlling the false discovery rate".

use arrow_array::{Array, Float64Array};

use crate::Error;

/// The q-value of each p-value: the share of false discoveries to expect among all tests with a
/// p-value as low. Time O(n log n).
#[must_use]
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let mut falling: Vec<usize> = (0..p_values.len()).collect();
    falling.sort_unstable_by(|&a, &b| p_values[b].total_cmp(&p_values[a]));
    let mut q_values = vec![0.0; p_values.len()];
    let mut lowest = 1.0f64;
    for (larger, &position) in falling.iter().enumerate() {
        let rank = (p_values.len() - larger) as f64;
        lowest = lowest.min(p_values[position] * (p_values.len() as f64 / rank));
        q_values[position] = lowest;
    }
    q_values
}

/// [`benjamini_hochberg`] of a column; a null stays null and is no test.
///
/// # Errors
/// [`Error::Value`] for a p-value outside [0, 1].
pub fn benjamini_hochberg_column(p_values: &Float64Array) -> Result<Float64Array, Error> {
    let outside = |p_value: Option<f64>| p_value.is_some_and(|p| !(0.0..=1.0).contains(&p));
    if let Some(row) = p_values.iter().position(outside) {
        return Err(Error::Value {
            column: "p_values",
            row,
            expected: "a p-value in [0, 1]",
            found: p_values.value(row).to_string(),
            advice: "remove the row, or make it null",
        });
    }
    let tests: Vec<f64> = p_values.iter().flatten().collect();
    let mut q_values = benjamini_hochberg(&tests).into_iter();
    Ok((0..p_values.len())
        .map(|row| p_values.is_valid(row).then(|| q_values.next()).flatten())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_q_value_is_never_above_that_of_a_larger_p_value() {
        assert_eq!(benjamini_hochberg(&[0.04, 0.01, 0.03]), vec![0.04, 0.03, 0.04]);
        assert_eq!(benjamini_hochberg(&[]), Vec::<f64>::new());
    }

    #[test]
    fn a_null_is_no_test() {
        let column = Float64Array::from(vec![Some(0.02), None, Some(0.5)]);
        let expected = Float64Array::from(vec![Some(0.04), None, Some(0.5)]);
        assert_eq!(benjamini_hochberg_column(&column).unwrap(), expected);
    }

    #[test]
    fn a_value_that_is_no_probability_is_named() {
        let error = benjamini_hochberg_column(&Float64Array::from(vec![0.5, f64::NAN]));
        assert_eq!(
            error.unwrap_err().to_string(),
            "p_values[1]: expected a p-value in [0, 1], got NaN; remove the row, or make it null"
        );
    }
}
