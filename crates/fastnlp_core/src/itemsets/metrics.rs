//! How interesting a rule is, under the names and in the arithmetic of mlxtend 0.25.

use std::str::FromStr;

use crate::Error;

/// The shares of the transactions that a rule is judged by.
#[derive(Debug, Clone, Copy)]
pub struct RuleSupports {
    /// Share with the antecedent, A.
    pub antecedent: f64,
    /// Share with the consequent, C.
    pub consequent: f64,
    /// Share with both.
    pub both: f64,
}

/// A measure of a rule A → C.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Share of the transactions with A.
    AntecedentSupport,
    /// Share of the transactions with C.
    ConsequentSupport,
    /// Share of the transactions with both.
    Support,
    /// Share of the transactions with A that have C too.
    Confidence,
    /// Confidence over the share with C. Brin et al. (1997).
    Lift,
    /// Share of the transactions without missing values: 1, as no item of a transaction is unknown.
    Representativity,
    /// Share with both beyond what independence gives. Piatetsky-Shapiro (1991).
    Leverage,
    /// How often A would be without C by chance over how often it is. Brin et al. (1997).
    Conviction,
    /// Association from -1 (never together) to 1 (always). Zhang (2000).
    Zhang,
    /// Share with both among those with either. Jaccard (1912).
    Jaccard,
    /// What A adds to the belief in C, as a share of what was missing. Galiano et al. (2002).
    Certainty,
    /// Mean of the confidences of A → C and C → A. Kulczynski (1927).
    Kulczynski,
}

impl Metric {
    /// Every metric and its column name, in the order of the columns.
    pub const ALL: [(Self, &'static str); 12] = [
        (Self::AntecedentSupport, "antecedent support"),
        (Self::ConsequentSupport, "consequent support"),
        (Self::Support, "support"),
        (Self::Confidence, "confidence"),
        (Self::Lift, "lift"),
        (Self::Representativity, "representativity"),
        (Self::Leverage, "leverage"),
        (Self::Conviction, "conviction"),
        (Self::Zhang, "zhangs_metric"),
        (Self::Jaccard, "jaccard"),
        (Self::Certainty, "certainty"),
        (Self::Kulczynski, "kulczynski"),
    ];

    /// The metric of a rule; infinite where a rule without exceptions has no finite conviction.
    #[must_use]
    pub fn score(self, rule: RuleSupports) -> f64 {
        let RuleSupports { antecedent, consequent, both } = rule;
        let confidence = both / antecedent;
        match self {
            Self::AntecedentSupport => antecedent,
            Self::ConsequentSupport => consequent,
            Self::Support => both,
            Self::Confidence => confidence,
            Self::Lift => confidence / consequent,
            Self::Representativity => 1.0,
            Self::Leverage => leverage(rule),
            Self::Conviction if confidence < 1.0 => (1.0 - consequent) / (1.0 - confidence),
            Self::Conviction => f64::INFINITY,
            Self::Zhang => {
                let without = both * (1.0 - antecedent);
                zero_if_over_zero(leverage(rule), without.max(antecedent * (consequent - both)))
            }
            Self::Jaccard => both / (antecedent + consequent - both),
            Self::Certainty => zero_if_over_zero(confidence - consequent, 1.0 - consequent),
            Self::Kulczynski => f64::midpoint(confidence, both / consequent),
        }
    }
}

impl FromStr for Metric {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let known = Self::ALL.iter().find(|(_, known)| *known == name);
        known.map(|(metric, _)| *metric).ok_or_else(|| Error::OutOfRange {
            argument: "metric",
            expected: "'antecedent support', 'consequent support', 'support', 'confidence', \
                       'lift', 'representativity', 'leverage', 'conviction', 'zhangs_metric', \
                       'jaccard', 'certainty' or 'kulczynski'",
            found: format!("'{name}'"),
        })
    }
}

fn leverage(rule: RuleSupports) -> f64 {
    rule.both - rule.antecedent * rule.consequent
}

fn zero_if_over_zero(numerator: f64, denominator: f64) -> f64 {
    if denominator == 0.0 { 0.0 } else { numerator / denominator }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(metric: &str, antecedent: f64, consequent: f64, both: f64) -> f64 {
        metric.parse::<Metric>().unwrap().score(RuleSupports { antecedent, consequent, both })
    }

    #[test]
    fn a_rule_without_exceptions_has_infinite_conviction() {
        assert_eq!(score("conviction", 0.5, 0.75, 0.5), f64::INFINITY);
        assert_eq!(score("conviction", 0.5, 0.75, 0.25), 0.5);
    }

    #[test]
    fn a_universal_consequent_scores_zero_and_not_nan() {
        assert_eq!(score("zhangs_metric", 1.0, 1.0, 1.0), 0.0);
        assert_eq!(score("certainty", 0.5, 1.0, 0.5), 0.0);
    }

    #[test]
    fn an_unknown_metric_lists_the_known_ones() {
        let message = "lifts".parse::<Metric>().unwrap_err().to_string();
        assert!(message.starts_with("metric: expected 'antecedent support', "), "{message}");
        assert!(message.ends_with("'kulczynski', got 'lifts'"), "{message}");
    }
}
