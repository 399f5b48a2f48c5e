//! Kaomoji by their common shapes: a bracketed face with two eyes and a mouth, the arms around it,
//! and a few faces without brackets. There is no list of all kaomoji, so some stay.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

static KAOMOJI: LazyLock<Regex> = LazyLock::new(|| {
    let eye = r"(?:[\^´｀`'•●◕◔⊙°º˘≧≦＞＜><TＴ;；╥ಥ눈¬≖◉☉・･ﾟ゜﹏｡□ಠ♥✿☆★ˊˋ╹◡⌒￣xX＾]\p{M}*)";
    let mouth = r"(?:[_＿〇ωw∀д▽ДヮД﹏︿‿ㅂ益□▿ᴗェ皿﹃ᵕε3oO。．.、vVuU△人﹀⌓ㅅᴥ◇∇へ艸Aヘ]\p{M}*)";
    // A line is an eye or a mouth, not both at once: (---) is no face.
    let line = r"[-－—–ー=~～〜]";
    let cheek = r#"(?:[๑*＊｡。´`｀'"╯╰ヾっつ=＝#＃≡ﾉノ゜ﾟ○o〃✿☆★♡♥;；:：￣/\\]\p{M}*)"#;
    let arm = r"(?:[ヽノﾉ╯╰︵┻━っつوゞ۶٩ψ＼／\\/¯_ლ凸✧☆～~︶シ┛┓┏┗ｼ彡ᕕᕗᕙ]\p{M}*)";
    let eyes = format!("{eye}(?:{mouth}|{line}){{1,3}}{eye}|{line}{mouth}{{1,3}}{line}|ツ|:з」∠");
    let face = format!("{cheek}{{0,3}}(?:{eyes}){cheek}{{0,3}}");
    let arms = format!("{arm}{{0,4}}(?: ?[┻︵]{arm}{{0,5}})?");
    let bare = r"\^[_.oωvw-]{1,3}\^|>[_.﹏]{1,3}<|-_{1,4}-|@_{1,3}@|￣[_▽－ー]{1,2}￣|(?-u:\b)(?:T[_.^A-]{1,2}T|Q[_.^Aw-]{1,2}Q)(?-u:\b)";
    let pattern = format!("{arm}{{0,4}}[(（]{face}[)）]{arms}|ʕ{face}ʔ{arms}|{bare}");
    Regex::new(&pattern).expect("the pattern is constant and tested")
});

/// The next kaomoji, see [`Finder`](super::spans::Finder).
pub fn next_kaomoji(text: &str, from: usize) -> Option<Range<usize>> {
    KAOMOJI.find_at(text, from).map(|found| found.range())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_kaomoji_are_found_whole() {
        let kaomoji = [
            "(╯°□°)╯︵ ┻━┻",
            "(＾▽＾)",
            "(^_^)",
            "(≧▽≦)",
            "(´・ω・`)",
            "(๑•̀ㅂ•́)و✧",
            "(=^ω^=)",
            "(T_T)",
            "（￣▽￣）",
            "(｡♥‿♥｡)",
            "¯\\_(ツ)_/¯",
            "ʕ•ᴥ•ʔ",
            "_(:з」∠)_",
            "(*^▽^*)",
            "ヽ(°〇°)ﾉ",
            ">_<",
            "^_^",
            "T_T",
            "QAQ",
            "-_-",
            "@_@",
            "(-_-)",
            "(;´д｀)",
        ];
        let missed: Vec<_> =
            kaomoji.iter().filter(|face| next_kaomoji(face, 0) != Some(0..face.len())).collect();
        assert!(missed.is_empty(), "{missed:?}");
    }

    #[test]
    fn brackets_around_text_and_numbers_are_kept() {
        for text in [
            "(好吃)", "(1-2)", "(50%)", "(---)", "(...)", "f(x)", "(=)", "STAT", "a<b>c", "QATAR",
            "2^3^4",
        ] {
            assert_eq!(next_kaomoji(text, 0), None, "{text}");
        }
    }
}
