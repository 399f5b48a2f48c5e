//! Web addresses, e-mail addresses and @names.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

static URL_START: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i-u)(?:https?|ftp)://|\bwww\.").expect("the pattern is constant and tested")
});

/// Longest local part of an e-mail address. RFC 5321, 4.5.3.1.
const MAX_LOCAL_BYTES: usize = 64;
/// Longest domain. RFC 5321, 4.5.3.1.
const MAX_DOMAIN_BYTES: usize = 255;
/// Longest @name; on Weibo 30 characters, shorter elsewhere.
const MAX_NAME_CHARS: usize = 30;

/// The next web address: with a scheme (http, https, ftp) or `www.`, up to the first white space,
/// quote or character outside ASCII, so that 看https://t.cn/abc好 gives `https://t.cn/abc`.
/// Punctuation at the end belongs to the sentence.
pub fn next_url(text: &str, from: usize) -> Option<Range<usize>> {
    let mut from = from;
    while let Some(start) = URL_START.find_at(text, from) {
        let length = url_rest_length(&text.as_bytes()[start.end()..]);
        if length > 0 {
            return Some(start.start()..start.end() + length);
        }
        from = start.end();
    }
    None
}

/// Bytes of the address behind its scheme; 0 if no host follows.
fn url_rest_length(rest: &[u8]) -> usize {
    if !rest.first().is_some_and(|&byte| byte.is_ascii_alphanumeric() || byte == b'[') {
        return 0;
    }
    let is_part = |byte: &u8| byte.is_ascii_graphic() && !br#"<>"{}|\^`"#.contains(byte);
    let mut length = rest.iter().take_while(|byte| is_part(byte)).count();
    let brackets = |bracket: &&u8| matches!(bracket, b'(' | b')');
    let (open, closed): (Vec<&u8>, Vec<&u8>) =
        rest[..length].iter().filter(brackets).partition(|&&bracket| bracket == b'(');
    let mut unopened = closed.len().saturating_sub(open.len());
    while let Some(last) = rest[..length].last() {
        match last {
            b')' if unopened > 0 => unopened -= 1,
            b'.' | b',' | b';' | b':' | b'!' | b'?' | b'\'' => {}
            _ => break,
        }
        length -= 1;
    }
    length
}

/// The next e-mail address.
pub fn next_email(text: &str, from: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    text[from..].match_indices('@').find_map(|(at, _)| {
        let at = from + at;
        let local = local_length(&bytes[from..at])?;
        let domain = domain_length(&bytes[at + 1..])?;
        Some(at - local..at + 1 + domain)
    })
}

/// Bytes of the local part that ends `before`.
fn local_length(before: &[u8]) -> Option<usize> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(byte);
    let run =
        before.iter().rev().take(MAX_LOCAL_BYTES + 1).take_while(|byte| is_part(byte)).count();
    let local = &before[before.len() - run..];
    let start = local.iter().position(u8::is_ascii_alphanumeric)?;
    (run <= MAX_LOCAL_BYTES).then_some(run - start)
}

/// Bytes of the longest domain at the start of `rest`: labels joined by dots, the last of them
/// two letters or more.
fn domain_length(rest: &[u8]) -> Option<usize> {
    let rest = &rest[..rest.len().min(MAX_DOMAIN_BYTES)];
    let (mut start, mut domain) = (0, None);
    loop {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
        let label = rest[start..].iter().take_while(|byte| is_part(byte)).count();
        if label == 0 {
            return domain;
        }
        let end = start + label;
        if start > 0 && label >= 2 && rest[start..end].iter().all(u8::is_ascii_alphabetic) {
            domain = Some(end);
        }
        if rest.get(end) != Some(&b'.') {
            return domain;
        }
        start = end + 1;
    }
}

/// The next @name: letters and digits of any script, `_`, and `-`, `.` or `·` between them.
/// An @ between two ASCII letters or digits is part of an e-mail address or a handle elsewhere.
pub fn next_mention(text: &str, from: usize) -> Option<Range<usize>> {
    text[from..].match_indices(['@', '＠']).find_map(|(at, sign)| {
        let at = from + at;
        let name = &text[at + sign.len()..];
        let is_word = |char: char| char.is_ascii_alphanumeric();
        if text[..at].ends_with(is_word) && name.starts_with(is_word) {
            return None;
        }
        let length = name_length(name);
        (length > 0).then(|| at..at + sign.len() + length)
    })
}

fn name_length(text: &str) -> usize {
    let mut length = 0;
    let mut has_letter = false;
    for (at, char) in text.char_indices().take(MAX_NAME_CHARS) {
        has_letter |= char.is_alphanumeric();
        if char.is_alphanumeric() || char == '_' {
            length = at + char.len_utf8();
        } else if length != at || length == 0 || !matches!(char, '-' | '.' | '·') {
            break;
        }
    }
    // @_@ is a face.
    if has_letter { length } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::super::spans::{Finder, replace};
    use super::*;

    fn masked(text: &str, next: Finder) -> String {
        let mut out = String::new();
        replace(text, next, "<>", &mut out);
        out
    }

    #[test]
    fn urls_end_where_the_sentence_goes_on() {
        for (text, expected) in [
            ("看https://t.cn/abc好", "看<>好"),
            ("看https://t.cn/abc，好", "看<>，好"),
            ("(see http://a.com/b_(c)).", "(see <>)."),
            ("HTTP://A.COM/?q=1&b=2#x!", "<>!"),
            ("www.example.com", "<>"),
            ("http:// and https://。 and awww.cute", "http:// and https://。 and awww.cute"),
            ("http://a.cn/1 http://b.cn/2", "<> <>"),
        ] {
            assert_eq!(masked(text, next_url), expected);
        }
    }

    #[test]
    fn emails_are_found_whole_and_alone() {
        for (text, expected) in [
            ("写信到zhang.san@qq.com好吗", "写信到<>好吗"),
            ("a.b+c@mail.example.co.uk.", "<>."),
            ("a@b @c a@b.c a@.com", "a@b @c a@b.c a@.com"),
            ("-x@a.com@b.com", "-<>@b.com"),
        ] {
            assert_eq!(masked(text, next_email), expected);
        }
        let long = format!("{}@qq.com", "a".repeat(65));
        assert_eq!(masked(&long, next_email), long);
    }

    #[test]
    fn mentions_end_at_white_space_and_punctuation() {
        for (text, expected) in [
            ("@张三 你好", "<> 你好"),
            ("回复@name:好", "回复<>:好"),
            ("回复 @张三，@李四-2：好", "回复 <>，<>：好"),
            ("@a.b. ＠user_1", "<>. <>"),
            ("me@home.com 5@6 @ @@ @! @_@", "me@home.com 5@6 @ @@ @! @_@"),
            ("666@张三", "666<>"),
        ] {
            assert_eq!(masked(text, next_mention), expected);
        }
        let long = format!("@{}", "好".repeat(40));
        assert_eq!(masked(&long, next_mention), format!("<>{}", "好".repeat(10)));
    }
}
