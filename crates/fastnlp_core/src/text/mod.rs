//! Text normalisation in named steps that run in the order given and count what they change.

mod addresses;
mod characters;
mod emoji;
mod kaomoji;
mod numbers;
mod spans;

use arrow_array::{Array, Int32Array, LargeStringArray};
use arrow_buffer::OffsetBuffer;
use rayon::prelude::*;

use crate::Error;

/// Rows normalised by one task.
const TASK_ROWS: usize = 512;

/// One step of a normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Unicode normalisation form KC; counts the stretches it changed.
    Nfkc,
    /// Full-width ASCII and the ideographic space to their usual width; counts characters.
    Halfwidth,
    /// Lower case, character by character; counts characters.
    Lowercase,
    /// Removes invisible characters outside emoji sequences; counts characters.
    RemoveZeroWidth,
    /// Removes control characters that are not white space; counts characters.
    RemoveControl,
    /// Each run of white space to one space, none at the ends; counts the runs it changed.
    CollapseWhitespace,
    /// Runs of one repeated character to at most this many; counts the runs it changed.
    FoldElongations(usize),
    /// Removes emoji sequences; counts them.
    RemoveEmoji,
    /// Removes kaomoji of the common shapes; counts them.
    RemoveKaomoji,
    /// Web addresses to `<url>`; counts them.
    MaskUrls,
    /// E-mail addresses to `<email>`; counts them.
    MaskEmails,
    /// @names to `<mention>`; counts them.
    MaskMentions,
    /// Telephone numbers to `<phone>`; counts them.
    MaskPhones,
    /// Numbers of identity documents to `<id>`; counts them.
    MaskIds,
}

/// The steps of these names; `elongation_limit` is the limit of `fold_elongations`.
///
/// # Errors
/// [`Error::UnknownStep`], [`Error::RepeatedStep`], or [`Error::OutOfRange`] for a limit of 0.
pub fn steps(names: &[String], elongation_limit: usize) -> Result<Vec<Step>, Error> {
    if elongation_limit == 0 {
        let (expected, found) = ("1 or more", "0".to_owned());
        return Err(Error::OutOfRange { argument: "elongation_limit", expected, found });
    }
    let known = [
        ("nfkc", Step::Nfkc),
        ("halfwidth", Step::Halfwidth),
        ("lowercase", Step::Lowercase),
        ("remove_zero_width", Step::RemoveZeroWidth),
        ("remove_control", Step::RemoveControl),
        ("collapse_whitespace", Step::CollapseWhitespace),
        ("fold_elongations", Step::FoldElongations(elongation_limit)),
        ("remove_emoji", Step::RemoveEmoji),
        ("remove_kaomoji", Step::RemoveKaomoji),
        ("mask_urls", Step::MaskUrls),
        ("mask_emails", Step::MaskEmails),
        ("mask_mentions", Step::MaskMentions),
        ("mask_phones", Step::MaskPhones),
        ("mask_ids", Step::MaskIds),
    ];
    let step = |(position, found): (usize, &String)| {
        if names[..position].contains(found) {
            return Err(Error::RepeatedStep { position, step: found.clone() });
        }
        let step = known.iter().find(|(name, _)| name == found).map(|(_, step)| *step);
        step.ok_or_else(|| Error::UnknownStep {
            position,
            found: found.clone(),
            known: known.map(|(name, _)| name).join(", "),
        })
    };
    names.iter().enumerate().map(step).collect()
}

impl Step {
    /// Writes `text` as this step leaves it and returns how much it changed; when that is 0,
    /// `text` stands and what was written does not matter.
    fn apply(self, text: &str, out: &mut String) -> usize {
        match self {
            Self::Nfkc => characters::nfkc(text, out),
            Self::Halfwidth => characters::halfwidth(text, out),
            Self::Lowercase => characters::lowercase(text, out),
            Self::RemoveZeroWidth => characters::remove_zero_width(text, out),
            Self::RemoveControl => characters::remove_control(text, out),
            Self::CollapseWhitespace => characters::collapse_whitespace(text, out),
            Self::FoldElongations(limit) => characters::fold_elongations(text, limit, out),
            Self::RemoveEmoji => spans::replace(text, emoji::next_emoji, "", out),
            Self::RemoveKaomoji => spans::replace(text, kaomoji::next_kaomoji, "", out),
            Self::MaskUrls => spans::replace(text, addresses::next_url, "<url>", out),
            Self::MaskEmails => spans::replace(text, addresses::next_email, "<email>", out),
            Self::MaskMentions => spans::replace(text, addresses::next_mention, "<mention>", out),
            Self::MaskPhones => spans::replace(text, numbers::next_phone, "<phone>", out),
            Self::MaskIds => spans::replace(text, numbers::next_id, "<id>", out),
        }
    }
}

/// What [`normalize_column`] gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalized {
    /// The texts after the last step.
    pub texts: LargeStringArray,
    /// For each step, how much it changed in each row.
    pub counts: Vec<Int32Array>,
}

/// Runs the steps over every row; null rows stay null, in the counts too.
#[must_use]
pub fn normalize_column(texts: &LargeStringArray, steps: &[Step]) -> Normalized {
    let tasks = texts.len().div_ceil(TASK_ROWS);
    let task = |task: usize| {
        let first = task * TASK_ROWS;
        let mut part = Part::new(steps);
        (first..texts.len().min(first + TASK_ROWS)).for_each(|row| {
            part.push(if texts.is_null(row) { "" } else { texts.value(row) }, steps);
        });
        part
    };
    let parts: Vec<Part> = (0..tasks).into_par_iter().map(task).collect();
    let lengths = parts.iter().flat_map(|part| part.lengths.iter().copied());
    let offsets = OffsetBuffer::from_lengths(lengths);
    let values: Vec<u8> = parts.iter().flat_map(|part| part.texts.as_bytes()).copied().collect();
    let counts = (0..steps.len()).map(|step| {
        let counts: Vec<i32> = parts.iter().flat_map(|part| &part.counts[step]).copied().collect();
        Int32Array::new(counts.into(), texts.nulls().cloned())
    });
    let counts = counts.collect();
    Normalized {
        texts: LargeStringArray::new(offsets, values.into(), texts.nulls().cloned()),
        counts,
    }
}

/// Some normalised rows, one after another.
struct Part {
    texts: String,
    lengths: Vec<usize>,
    /// For each step, a count per row.
    counts: Vec<Vec<i32>>,
    current: String,
    next: String,
}

impl Part {
    fn new(steps: &[Step]) -> Self {
        let [texts, current, next] = Default::default();
        Self { texts, lengths: Vec::new(), counts: vec![Vec::new(); steps.len()], current, next }
    }

    fn push(&mut self, text: &str, steps: &[Step]) {
        self.current.clear();
        self.current.push_str(text);
        for (step, counts) in steps.iter().zip(&mut self.counts) {
            self.next.clear();
            let changes = step.apply(&self.current, &mut self.next);
            if changes > 0 {
                std::mem::swap(&mut self.current, &mut self.next);
            }
            counts.push(i32::try_from(changes).unwrap_or(i32::MAX));
        }
        self.texts.push_str(&self.current);
        self.lengths.push(self.current.len());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization;

    use super::*;

    const EVERY_STEP: [Step; 14] = [
        Step::RemoveZeroWidth,
        Step::RemoveControl,
        Step::RemoveKaomoji,
        Step::Nfkc,
        Step::Halfwidth,
        Step::MaskUrls,
        Step::MaskEmails,
        Step::MaskMentions,
        Step::MaskIds,
        Step::MaskPhones,
        Step::RemoveEmoji,
        Step::Lowercase,
        Step::FoldElongations(3),
        Step::CollapseWhitespace,
    ];

    /// The text after one step, and its count.
    fn after(step: Step, text: &str) -> (String, i32) {
        let result = normalize_column(&LargeStringArray::from(vec![text]), &[step]);
        (result.texts.value(0).to_owned(), result.counts[0].value(0))
    }

    fn check(step: Step, text: &str, expected: &str, count: i32) {
        assert_eq!(after(step, text), (expected.to_owned(), count), "{step:?} of {text:?}");
    }

    #[test]
    fn steps_run_in_order_and_nulls_stay_null() {
        let texts = LargeStringArray::from(vec![Some("ＨＩ  @张三 "), None]);
        let result = normalize_column(
            &texts,
            &[Step::Halfwidth, Step::Lowercase, Step::MaskMentions, Step::CollapseWhitespace],
        );
        assert_eq!(result.texts, LargeStringArray::from(vec![Some("hi <mention>"), None]));
        let counts = |count| Int32Array::from(vec![Some(count), None]);
        assert_eq!(result.counts, [counts(2), counts(2), counts(1), counts(2)]);
    }

    #[test]
    fn elongations_fold_to_the_limit() {
        check(Step::FoldElongations(3), "哈哈哈哈 ouiiiiii!!!!", "哈哈哈 ouiii!!!", 3);
        check(Step::FoldElongations(1), "good 666", "god 6", 2);
        check(Step::FoldElongations(3), "10000元", "10000元", 0);
    }

    #[test]
    fn white_space_collapses_and_ends_are_trimmed() {
        check(Step::CollapseWhitespace, "\u{3000}a\t\n b c ", "a b c", 3);
        check(Step::CollapseWhitespace, "a b", "a b", 0);
        check(Step::CollapseWhitespace, "\n", "", 1);
    }

    #[test]
    fn zero_width_characters_go_and_emoji_sequences_stay() {
        check(Step::RemoveZeroWidth, "好\u{200b}吃\u{feff}", "好吃", 2);
        check(Step::RemoveZeroWidth, "👨‍👩‍👧❤️1️⃣👍🏽", "👨‍👩‍👧❤️1️⃣👍🏽", 0);
        check(Step::RemoveZeroWidth, "a\u{200d}b\u{fe0f}👨\u{200d}", "ab👨", 3);
        check(Step::RemoveZeroWidth, "hi \u{e0000}", "hi ", 1);
    }

    #[test]
    fn control_characters_go_and_line_ends_stay() {
        check(Step::RemoveControl, "a\0b\u{7}\n\t\u{9f}", "ab\n\t", 3);
    }

    #[test]
    fn nfkc_counts_stretches() {
        check(Step::Nfkc, "ＡＢ好①e\u{301}x", "AB好1éx", 3);
        check(Step::Nfkc, "好吃 é", "好吃 é", 0);
    }

    #[test]
    fn unknown_and_repeated_steps_are_refused() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let unknown = steps(&names(&["nfkc", "nfc"]), 3).unwrap_err().to_string();
        assert!(unknown.starts_with("steps[1]: expected one of nfkc, halfwidth, "), "{unknown}");
        assert!(unknown.ends_with(", got \"nfc\""), "{unknown}");
        let repeated = steps(&names(&["nfkc", "nfkc"]), 3).unwrap_err().to_string();
        assert_eq!(repeated, "steps[1]: \"nfkc\" is given twice; give each step once");
        let limit = steps(&[], 0).unwrap_err().to_string();
        assert_eq!(limit, "elongation_limit: expected 1 or more, got 0");
    }

    fn text() -> impl Strategy<Value = String> {
        let pieces = vec![
            "@", "http://", "www.", "a", "张", "0", "138", "12345678", ".", "cn", "\u{200d}",
            "\u{fe0f}", "👨", "❤", "(^", "_^)", "e", "\u{301}", "\u{316}", "ｶ", "ﾞ", "한",
            "\u{1100}", "\u{1161}", "ＡＢ", " ", "\0",
        ];
        let piece = prop_oneof![prop::sample::select(pieces).prop_map(str::to_owned), ".{0,3}"];
        prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_count_of_zero_means_an_unchanged_text(text in text()) {
            for step in EVERY_STEP {
                let (normalized, count) = after(step, &text);
                prop_assert_eq!(count == 0, normalized == text, "{:?}", step);
            }
        }

        #[test]
        fn nfkc_equals_the_whole_text_at_once(text in text()) {
            prop_assert_eq!(after(Step::Nfkc, &text).0, text.nfkc().collect::<String>());
        }

        #[test]
        fn rows_do_not_depend_on_their_neighbours(texts in prop::collection::vec(text(), 0..30)) {
            let all = normalize_column(&LargeStringArray::from(texts.clone()), &EVERY_STEP);
            for (row, text) in texts.iter().enumerate() {
                let alone = normalize_column(&LargeStringArray::from(vec![text.as_str()]), &EVERY_STEP);
                prop_assert_eq!(all.texts.value(row), alone.texts.value(0));
            }
        }
    }
}
