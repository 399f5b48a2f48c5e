//! The segmenter against the oracle, on a hand-written dictionary and model full of ties.

use arrow_array::cast::AsArray;
use arrow_array::{Array, LargeStringArray};
use proptest::prelude::*;

use super::dictionary::read_dictionary;
use super::hmm::NUM_HAN;
use super::oracle::Oracle;
use super::*;

const WORDS: &str = "\
中 5\n国 5\n中国 20\n国人 7\n中国人 3\n人 9\n人民 12\n民 2\n大 8\n大学 9\n学生 9\n大学生 1\n学 4\n生 4\n
北京 30\n北 3\n京 2\n北京大学 6\n清华 11\n清华大学 6\n华大 2\n来 10\n到 10\n来到 15\n我 50\n爱 20\n
研究 14\n研究生 9\n生命 9\n命 3\n起源 5\n的 90\n了 60\n是 70\n在 40\n数据 12\n数据库 7\n库 1\n中将 8\n
T恤 3\nB超 4\nAA 2\nAA制 3\nOK 5\n卡拉OK 4\nc++ 3\n3G 2\n4S店 2\nab 2\nabc 3\nx 4\n囍字 1\n天 0\n天地 2\n";

/// Few distinct numbers, so that ties are common; every fifth character is unknown to the model.
fn model() -> Hmm {
    let unknown = -3.14e100;
    let emission = |letter: usize| match letter % 5 {
        0 => [unknown; 4],
        odd => [-1.0, -2.0, -(odd as f64), -1.5],
    };
    Hmm {
        start: [-0.5, unknown, unknown, -1.0],
        transition: [
            [unknown, -1.0, -0.5, unknown],
            [unknown, -1.0, -0.5, unknown],
            [-0.5, unknown, unknown, -0.5],
            [-0.5, unknown, unknown, -0.5],
        ],
        emission: (0..NUM_HAN).map(emission).collect(),
    }
}

fn words() -> String {
    WORDS.replace("\n\n", "\n")
}

fn segmenter(use_hmm: bool) -> Segmenter {
    let dictionary = read_dictionary("words", words().as_bytes()).unwrap();
    Segmenter::from_parts(dictionary, model(), use_hmm)
}

fn text() -> impl Strategy<Value = String> {
    let letters = "[中国人民大学生北京清华来到我爱研究命起源的了是在数据库将天地囍龘]{0,6}";
    let ascii = "[aAbBcTOKGSx0-9.%+#&_-]{0,4}";
    let outside = "[，。　 \t\r\n\u{1c}\u{a0}\0😀㐀鿖é]{0,2}|(\r\n)?|AA制|卡拉OK";
    let piece = prop_oneof![4 => letters, 2 => ascii, 1 => outside];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn every_mode_equals_the_oracle(text in text()) {
        let (with, without, hmm) = (segmenter(true), segmenter(false), model());
        let oracle = Oracle::new(&words(), &hmm);
        prop_assert_eq!(with.cut(&text, Mode::Default), oracle.cut(&text, true));
        prop_assert_eq!(without.cut(&text, Mode::Default), oracle.cut(&text, false));
        prop_assert_eq!(with.cut(&text, Mode::All), oracle.cut_all(&text));
        prop_assert_eq!(with.cut(&text, Mode::Search), oracle.cut_for_search(&text));
    }

    #[test]
    fn added_words_equal_the_oracle(
        text in text(),
        added in prop::collection::vec(("[中国人民大学生abx1é ]{1,4}", 1_u64..40), 0..6),
    ) {
        let (mut segmenter, hmm) = (segmenter(true), model());
        let mut oracle = Oracle::new(&words(), &hmm);
        for (word, frequency) in added {
            segmenter.add_word(&word, Some(frequency)).unwrap();
            oracle.add_word(&word, frequency);
        }
        prop_assert_eq!(segmenter.cut(&text, Mode::Default), oracle.cut(&text, true));
        prop_assert_eq!(segmenter.cut(&text, Mode::All), oracle.cut_all(&text));
    }

    #[test]
    fn columns_equal_their_rows(rows in prop::collection::vec(prop::option::of(text()), 0..6)) {
        let segmenter = segmenter(true);
        let column: LargeStringArray = rows.iter().collect();
        for mode in [Mode::Default, Mode::All, Mode::Search] {
            let lists = segmenter.cut_column(&column, mode);
            for (row, text) in rows.iter().enumerate() {
                let tokens = lists.is_valid(row).then(|| texts_of(&lists.value(row)));
                prop_assert_eq!(tokens, text.as_ref().map(|text| segmenter.cut(text, mode)));
            }
        }
    }

    #[test]
    fn places_count_code_points(text in text()) {
        let letters: Vec<char> = text.chars().collect();
        for (token, start, end) in segmenter(true).tokenize(&text, true) {
            prop_assert_eq!(token, letters[start..end].iter().collect::<String>());
        }
    }

    #[test]
    fn any_bytes_are_a_dictionary_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = read_dictionary("bytes", &bytes);
        let _ = segmenter(true).add_user_words("bytes", &bytes);
        prop_assert!(Segmenter::new(&bytes, true).is_err());
    }
}

fn texts_of(tokens: &dyn Array) -> Vec<String> {
    tokens.as_string::<i64>().iter().flatten().map(str::to_owned).collect()
}

#[test]
fn a_deleted_word_is_split_where_the_model_finds_it() {
    let mut segmenter = segmenter(true);
    let found = segmenter.cut("丁丂", Mode::Default);
    assert_eq!(found, ["丁丂"]);
    segmenter.add_word("丁丂", Some(0)).unwrap();
    assert_eq!(segmenter.cut("丁丂", Mode::Default), ["丁", "丂"]);
}

#[test]
fn suggested_frequencies_join_and_split() {
    let mut segmenter = segmenter(false);
    segmenter.add_word("我爱", None).unwrap();
    assert_eq!(segmenter.cut("我爱北京", Mode::Default), ["我爱", "北京"]);
    let split = segmenter.suggest_split(&["我".to_owned(), "爱".to_owned()]).unwrap();
    segmenter.add_word("我爱", Some(split)).unwrap();
    assert_eq!(segmenter.cut("我爱北京", Mode::Default), ["我", "爱", "北京"]);
}

#[test]
fn user_words_are_read_as_jiebas_pattern_reads_them() {
    let text = "\u{feff}云计算 5\r\n\n a b 3 n \n创新 nr\n5 x\n 7\n台中\n".as_bytes();
    let expected = [
        ("云计算", Some(5)),
        ("a b", Some(3)),
        ("创新", None),
        ("5", None),
        ("7", None),
        ("台中", None),
    ];
    assert_eq!(read_user_words("user.txt", text).unwrap(), expected);
}

#[test]
fn bad_lines_are_named() {
    let error = |bytes: &[u8]| read_dictionary("words.txt", bytes).err().unwrap().to_string();
    assert_eq!(
        error("我 3\n你\n".as_bytes()),
        "words.txt:2: expected `word frequency [tag]`, got \"你\"; correct or remove the line"
    );
    assert!(error(b"a 1\n\xff 2").starts_with("words.txt:2: "));
    assert!(error(b"a 99999999999999999\n").starts_with("words.txt:1: "));
    assert_eq!(
        error(b"a 0\n"),
        "dictionary: expected at least one word with a frequency above 0, got none in words.txt"
    );
}

#[test]
fn a_packed_file_reads_back() {
    let numbers =
        |numbers: &[f64]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
    let model = numbers(&vec![-1.0; 20 + 4 * NUM_HAN]);
    let header: Vec<u8> = [12_u64, 1, 2, 8].iter().flat_map(|n| n.to_le_bytes()).collect();
    let frequency = [6_u64.to_le_bytes().to_vec(), numbers(&[6_f64.ln()]), vec![0; 4]].concat();
    let words = "我\n爱\n".as_bytes().to_vec();
    let image =
        [image::MAGIC.to_vec(), model, header, numbers(&[12_f64.ln()]), frequency, words].concat();
    let segmenter = Segmenter::new(&image, false).unwrap();
    assert_eq!(segmenter.suggest_joined("我").unwrap(), 7);
    let truncated = Segmenter::new(&image[..image.len() - 1], false).err().unwrap().to_string();
    assert_eq!(
        truncated,
        "the packed dictionary cannot be read (too short); run `make dictionary` and install the package again"
    );
}
