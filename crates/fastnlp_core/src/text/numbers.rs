//! Telephone numbers and numbers of identity documents.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

/// Bytes looked at from where a number may start; longer than any that is recognised.
const MAX_NUMBER_BYTES: usize = 40;

/// Digits of a telephone number: ten nationally, fifteen at most internationally (ITU-T E.164),
/// here with up to two zeros in front.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 10..=17;

static PHONE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(
            (?: (?:\+|00)? 86 [\ -]? )? 1[3-9][0-9] (?: [0-9]{8} | \ [0-9]{4}\ [0-9]{4} | -[0-9]{4}-[0-9]{4} )
          | (?: (?:\+|00) 86 [\ -]? )? \(? 0 (?: 10 | 2[0-9] | [3-9][0-9]{2} ) [)\ -]{0,2} [1-9][0-9]{6,7}
          | [48]00 - (?: [0-9]{3}-[0-9]{4} | [0-9]{4}-[0-9]{3} )
          | (?: (?:\+|00) 33 [\ .-]? (?: \(0\) \ ? )? | 0 ) [1-9]
            (?: [0-9]{8} | (?: \ [0-9]{2} ){4} | (?: \.[0-9]{2} ){4} | (?: -[0-9]{2} ){4} )
          | \+ [1-9][0-9]{0,2} [\ .-]? (?: \( [0-9]{1,4} \) [\ .-]? )? [0-9] (?: [\ .-]? [0-9] ){5,13}
        )(?: [^0-9] | $ )",
    )
});

static FRENCH_ID: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^( [12378] \ ? [0-9]{2} \ ? (?: 0[1-9] | 1[0-2] | [2-9][0-9] )
             \ ? (?: [0-9]{2} | 2[ABab] ) \ ? [0-9]{3} \ ? [0-9]{3} \ ? [0-9]{2} )(?: [^0-9] | $ )",
    )
});

fn pattern(pattern: &str) -> Regex {
    Regex::new(&format!("(?x-u){pattern}")).expect("the pattern is constant and tested")
}

/// The next telephone number: Chinese mobiles, landlines with their area code and 400/800 numbers,
/// French numbers, and what starts with + and has ten digits or more. An order number of eleven
/// digits that starts like a mobile cannot be told from one.
pub fn next_phone(text: &str, from: usize) -> Option<Range<usize>> {
    next_number(text, from, |rest| {
        let length = PHONE.captures(rest)?.get(1)?.len();
        let digits = rest[..length].iter().filter(|byte| byte.is_ascii_digit()).count();
        PHONE_DIGITS.contains(&digits).then_some(length)
    })
}

/// The next identity number: a Chinese one of 18 digits or a French one (NIR) of 15, both with a
/// date in its place and the right check digits.
pub fn next_id(text: &str, from: usize) -> Option<Range<usize>> {
    next_number(text, from, |rest| chinese_id_length(rest).or_else(|| french_id_length(rest)))
}

/// The next number by `length_at`, tried wherever a number starts.
fn next_number(
    text: &str,
    from: usize,
    length_at: impl Fn(&[u8]) -> Option<usize>,
) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    (from..bytes.len()).filter(|&start| starts_number(bytes, start)).find_map(|start| {
        let rest = &bytes[start..bytes.len().min(start + MAX_NUMBER_BYTES)];
        let end = start + length_at(rest)?;
        // 13800000000.50 is a price.
        let goes_on = bytes.get(end) == Some(&b'.') && is_digit(bytes, end + 1);
        (!goes_on).then_some(start..end)
    })
}

/// A digit, + or bracket that is not part of a longer number, a date or a decimal fraction.
fn starts_number(bytes: &[u8], start: usize) -> bool {
    let opens = matches!(bytes[start], b'+' | b'(') && is_digit(bytes, start + 1);
    if !opens && !bytes[start].is_ascii_digit() {
        return false;
    }
    match start.checked_sub(1).map(|before| bytes[before]) {
        Some(b'0'..=b'9') => false,
        Some(b'.' | b',' | b'-' | b'/' | b':' | b'_' | b'+') => {
            start < 2 || !bytes[start - 2].is_ascii_digit()
        }
        _ => true,
    }
}

fn is_digit(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_some_and(u8::is_ascii_digit)
}

/// GB 11643-1999: region, date of birth, serial number, check digit by ISO 7064 MOD 11-2.
fn chinese_id_length(rest: &[u8]) -> Option<usize> {
    let (digits, check) = rest.get(..18)?.split_at(17);
    if !digits.iter().all(u8::is_ascii_digit) || rest.get(18).is_some_and(u8::is_ascii_alphanumeric)
    {
        return None;
    }
    let number = |range: Range<usize>| number(&digits[range]);
    let born = (1900..2100).contains(&number(6..10))
        && (1..=12).contains(&number(10..12))
        && (1..=31).contains(&number(12..14));
    let remainder = digits.iter().fold(0, |sum, digit| (sum + u32::from(digit - b'0')) * 2 % 11);
    let value = (12 - remainder) % 11;
    let expected = if value == 10 { b'X' } else { b'0' + value as u8 };
    (born && check[0].to_ascii_uppercase() == expected).then_some(18)
}

/// INSEE: sex, year, month, place and order of birth, then 97 less the rest by 97.
fn french_id_length(rest: &[u8]) -> Option<usize> {
    let found = FRENCH_ID.captures(rest)?.get(1)?.as_bytes();
    let compact: Vec<u8> = found.iter().copied().filter(|&byte| byte != b' ').collect();
    let (digits, key) = compact.split_at(13);
    // Corsica's departments 2A and 2B count as 19 and 18.
    let digits: Vec<u8> = match digits[6].to_ascii_uppercase() {
        b'A' => [&digits[..5], b"19", &digits[7..]].concat(),
        b'B' => [&digits[..5], b"18", &digits[7..]].concat(),
        _ => digits.to_vec(),
    };
    (97 - number(&digits) % 97 == number(key)).then_some(found.len())
}

fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_whole(text: &str, next: fn(&str, usize) -> Option<Range<usize>>) -> bool {
        next(text, 0) == Some(0..text.len())
    }

    #[test]
    fn telephone_numbers_are_found_whole() {
        for text in [
            "13812345678",
            "138 1234 5678",
            "138-1234-5678",
            "+8613812345678",
            "+86 138-1234-5678",
            "010-12345678",
            "(0755) 2345678",
            "021 65432100",
            "400-820-8820",
            "+33 6 12 34 56 78",
            "+33(0)612345678",
            "06 12 34 56 78",
            "0612345678",
            "01.23.45.67.89",
            "+44 20 7946 0958",
            "+1 (555) 123-4567",
            "008613812345678",
        ] {
            assert!(is_whole(text, next_phone), "{text}: {:?}", next_phone(text, 0));
        }
        assert_eq!(next_phone("微信13812345678加我", 0), Some(6..17));
    }

    #[test]
    fn other_numbers_are_no_telephone_numbers() {
        for text in [
            "2024-01-15 10:30:00",
            "2024-01-15 10 30 22 11",
            "138123456789",
            "12812345678",
            "99.90",
            "666666",
            "点赞+1000000",
            "1 000 000",
            "13800000000.50",
            "20240115123456789",
            "192.168.100.200",
            "110101199003070000",
        ] {
            assert_eq!(next_phone(text, 0), None, "{text}");
        }
    }

    #[test]
    fn identity_numbers_need_their_check_digits() {
        for text in [
            "11010519491231002X",
            "11010519491231002x",
            "440524198001010013",
            "1 85 05 78 006 084 91",
            "255081416802538",
            "1 85 05 2A 006 084 35",
        ] {
            assert!(is_whole(text, next_id), "{text}");
        }
        for text in
            ["110105194912310021", "1111010519491231002X", "440524198013010013", "255081416802539"]
        {
            assert_eq!(next_id(text, 0), None, "{text}");
        }
    }
}
