//! Emoji sequences. Unicode Technical Standard 51, "Unicode Emoji".

use std::ops::Range;

use unicode_properties::{EmojiStatus, UnicodeEmoji};

const JOINER: char = '\u{200d}';
const KEYCAP: char = '\u{20e3}';
const TEXT_STYLE: char = '\u{fe0e}';
const EMOJI_STYLE: char = '\u{fe0f}';

/// The next emoji sequence, see [`Finder`](super::spans::Finder).
pub fn next_emoji(text: &str, from: usize) -> Option<Range<usize>> {
    let starts = text[from..].char_indices().filter(|&(_, char)| may_start(char));
    starts.map(|(start, _)| from + start).find_map(|start| {
        let length = sequence_length(&text[start..])?;
        Some(start..start + length)
    })
}

/// Bytes of the emoji sequence at the start of `text`: a flag, a keycap, or pictures with their
/// skin tones, styles and tags, joined. None where no emoji stands.
pub fn sequence_length(text: &str) -> Option<usize> {
    let mut chars = text.chars();
    let first = chars.next()?;
    if matches!(first, '0'..='9' | '#' | '*') {
        // These have the property Emoji, but only a keycap makes an emoji of them.
        let rest = chars.as_str();
        let rest = rest.strip_prefix(EMOJI_STYLE).unwrap_or(rest).strip_prefix(KEYCAP)?;
        // Some keyboards write the style behind the keycap.
        return Some(text.len() - rest.strip_prefix(EMOJI_STYLE).unwrap_or(rest).len());
    }
    if is_regional_indicator(first) {
        let second = chars.next().filter(|&second| is_regional_indicator(second));
        return Some(first.len_utf8() + second.map_or(0, char::len_utf8));
    }
    let mut length = picture_length(text)?;
    while let Some(joined) = text[length..].strip_prefix(JOINER).and_then(picture_length) {
        length += JOINER.len_utf8() + joined;
    }
    Some(length)
}

/// Whether a style selector behind this character belongs to it.
pub fn takes_style(char: char) -> bool {
    char.is_emoji_char()
}

fn picture_length(text: &str) -> Option<usize> {
    let mut chars = text.chars();
    let base = chars.next().filter(|&base| may_start(base) && base.is_emoji_char())?;
    let mut rest = chars.as_str();
    if rest.starts_with(TEXT_STYLE) {
        return None;
    }
    match rest.strip_prefix(EMOJI_STYLE) {
        Some(behind) => rest = behind,
        None if !is_picture(base) => return None,
        None => {}
    }
    rest = rest.strip_prefix(is_skin_tone).unwrap_or(rest);
    rest = rest.strip_prefix(EMOJI_STYLE).unwrap_or(rest);
    Some(text.len() - rest.trim_start_matches(is_tag).len())
}

/// Whether the character is a picture without a style selector too. ❤ and ☺ are text by default,
/// but platforms drop the selector; ©, ™ and arrows without one are text.
fn is_picture(char: char) -> bool {
    let by_default = matches!(
        char.emoji_status(),
        EmojiStatus::EmojiPresentation
            | EmojiStatus::EmojiPresentationAndModifierBase
            | EmojiStatus::EmojiPresentationAndEmojiComponent
            | EmojiStatus::EmojiPresentationAndModifierAndEmojiComponent
    );
    by_default || matches!(char, '\u{2600}'..='\u{27bf}' | '\u{1f000}'..)
}

/// Spares letters and ideographs, nearly all of a text, the search in the Unicode tables.
fn may_start(char: char) -> bool {
    match char {
        '0'..='9' | '#' | '*' => true,
        ..'\u{a9}' | '\u{3400}'..='\u{ffff}' => false,
        _ => true,
    }
}

fn is_regional_indicator(char: char) -> bool {
    matches!(char, '\u{1f1e6}'..='\u{1f1ff}')
}

fn is_skin_tone(char: char) -> bool {
    matches!(char, '\u{1f3fb}'..='\u{1f3ff}')
}

/// Invisible letters that spell the region of a flag (🏴 and `gbeng` for England).
fn is_tag(char: char) -> bool {
    matches!(char, '\u{e0020}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emojis(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(span) = next_emoji(text, from) {
            from = span.end;
            found.push(&text[span]);
        }
        found
    }

    #[test]
    fn sequences_are_one_emoji_each() {
        let sequences = ["👨‍👩‍👧", "👍🏽", "❤️", "🇫🇷", "1️⃣", "9⃣️", "🤷‍♂", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "❤️‍🔥"];
        assert_eq!(emojis(&sequences.concat()), sequences);
        assert_eq!(emojis(&sequences.join("好")), sequences);
    }

    #[test]
    fn digits_signs_and_letters_are_no_emoji() {
        assert!(emojis("1 #话题# * ©2024 ™ → ㊗ ツ é 한 ï").is_empty());
        assert_eq!(emojis("©️"), ["©️"]);
    }

    #[test]
    fn the_text_style_makes_no_emoji() {
        assert!(emojis("❤\u{fe0e}").is_empty());
        assert_eq!(emojis("❤"), ["❤"]);
    }

    #[test]
    fn every_character_can_be_asked_about() {
        let all: String = ('\0'..=char::MAX).collect();
        assert!(emojis(&all).len() > 1000);
    }
}
