//! Parts of a text to be replaced.

use std::ops::Range;

/// Finds the first part of the text that starts at this byte or later.
///
/// Time is linear in what stands between: a finder looks back and ahead by a bounded distance.
pub type Finder = fn(&str, usize) -> Option<Range<usize>>;

/// Writes `text` with every part that `next` finds replaced; returns how many there were.
pub fn replace(text: &str, next: Finder, replacement: &str, out: &mut String) -> usize {
    let (mut written, mut found) = (0, 0);
    while let Some(span) = next(text, written) {
        out.push_str(&text[written..span.start]);
        out.push_str(replacement);
        written = span.end;
        found += 1;
    }
    out.push_str(&text[written..]);
    found
}
