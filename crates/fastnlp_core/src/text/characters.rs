//! Steps that look at single characters and runs of them; each is one variant of
//! [`Step`](super::Step), where it is described.

use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

use super::emoji;

/// Only the stretches that may change are normalised: from the last stable character before them,
/// which may combine with what follows, to the next stable one.
pub fn nfkc(text: &str, out: &mut String) -> usize {
    let (mut written, mut last_stable, mut changes) = (0, 0, 0);
    let mut in_stretch = false;
    let stops = text.char_indices().map(|(at, char)| (at, is_stable(char)));
    for (at, stable) in stops.chain([(text.len(), true)]) {
        if stable && in_stretch {
            out.push_str(&text[written..last_stable]);
            let (stretch, before) = (&text[last_stable..at], out.len());
            out.extend(stretch.nfkc());
            changes += usize::from(&out[before..] != stretch);
            written = at;
        }
        in_stretch = !stable;
        if stable {
            last_stable = at;
        }
    }
    out.push_str(&text[written..]);
    changes
}

/// Whether NFKC leaves the character as it is, whatever stands before it.
fn is_stable(char: char) -> bool {
    matches!(char, ..'\u{a0}' | '\u{4e00}'..='\u{9fff}')
        || canonical_combining_class(char) == 0
            && is_nfkc_quick(std::iter::once(char)) == IsNormalized::Yes
}

pub fn halfwidth(text: &str, out: &mut String) -> usize {
    map_chars(text, out, |char| match char {
        '\u{3000}' => Some(' '),
        // Full-width ASCII stands in the order of ASCII.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(char) - 0xff01 + 0x21),
        _ => None,
    })
}

pub fn lowercase(text: &str, out: &mut String) -> usize {
    let mut changes = 0;
    for char in text.chars() {
        let before = out.len();
        out.extend(char.to_lowercase());
        changes += usize::from(!out[before..].starts_with(char));
    }
    changes
}

pub fn remove_control(text: &str, out: &mut String) -> usize {
    remove_chars(text, out, |char| char.is_control() && !char.is_whitespace())
}

pub fn remove_zero_width(text: &str, out: &mut String) -> usize {
    let (mut at, mut removed) = (0, 0);
    let mut before = '\0';
    while let Some(char) = text[at..].chars().next() {
        // Joiners, style selectors and tags belong to the emoji they stand in.
        let length = emoji::sequence_length(&text[at..]);
        let styles = is_style(char) && emoji::takes_style(before);
        let end = at + length.unwrap_or(char.len_utf8());
        if length.is_none() && is_invisible(char) && !styles {
            removed += 1;
        } else {
            out.push_str(&text[at..end]);
        }
        (at, before) = (end, char);
    }
    removed
}

fn is_style(char: char) -> bool {
    matches!(char, '\u{fe0e}' | '\u{fe0f}')
}

/// Soft hyphen, zero-width spaces and joiners, marks of writing direction, byte order marks,
/// style selectors and the tags that chat clients append to get past duplicate filters.
fn is_invisible(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}')
        || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || is_style(char)
        || matches!(char, '\u{e0000}'..='\u{e007f}')
}

pub fn collapse_whitespace(text: &str, out: &mut String) -> usize {
    let (mut written, mut changes) = (0, 0);
    while let Some(start) = text[written..].find(char::is_whitespace) {
        let start = written + start;
        out.push_str(&text[written..start]);
        let rest = text[start..].trim_start();
        written = text.len() - rest.len();
        let space = if start == 0 || rest.is_empty() { "" } else { " " };
        out.push_str(space);
        changes += usize::from(&text[start..written] != space);
    }
    out.push_str(&text[written..]);
    changes
}

/// Runs of 0 are left alone: they make numbers such as 10000.
pub fn fold_elongations(text: &str, limit: usize, out: &mut String) -> usize {
    let (mut at, mut changes) = (0, 0);
    while let Some(char) = text[at..].chars().next() {
        let run = text[at..].len() - text[at..].trim_start_matches(char).len();
        let kept = if char == '0' { run } else { run.min(limit.saturating_mul(char.len_utf8())) };
        out.push_str(&text[at..at + kept]);
        changes += usize::from(kept < run);
        at += run;
    }
    changes
}

fn map_chars(text: &str, out: &mut String, replacement: impl Fn(char) -> Option<char>) -> usize {
    let mut changes = 0;
    out.extend(text.chars().map(|char| {
        let replaced = replacement(char);
        changes += usize::from(replaced.is_some());
        replaced.unwrap_or(char)
    }));
    changes
}

fn remove_chars(text: &str, out: &mut String, removes: impl Fn(char) -> bool) -> usize {
    let mut removed = 0;
    out.extend(text.chars().filter(|&char| {
        let remove = removes(char);
        removed += usize::from(remove);
        !remove
    }));
    removed
}
