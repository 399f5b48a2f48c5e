"""Texts into tokens, by language.

| language | rule |
|---|---|
| zh | a segmenter with jieba's words |
| ja | runs of one script: kanji, hiragana, katakana (no dictionary: coarser than Japanese words) |
| all others | Unicode words, with inner apostrophes and hyphens: `aujourd'hui`, `peut-être`; Korean by spaces |
| fr | as others, and elisions are cut off: `l'eau` gives `l'`, `eau` |

In every language masks such as `<url>` are left out, words are lower-cased, and an emote is one token
with its case. A kaomoji is no token.
"""

import logging
import re
import warnings
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import polars as pl
import pyarrow as pa

from fastnlp_core import normalize
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.prepare import Config
from fastnlp_jobs.schemas import EMOTES, MASKS
from fastnlp_jobs.tables import read_table

Cut = Callable[[pl.Series], pl.Series]

# Stands for an emote while words are cut: a private character is one token in every engine.
_EMOTE = "\U0010fffd"
_STYLES = r"[\x{FE0F}\p{Emoji_Modifier}\x{E0020}-\x{E007F}]*"
# Arrows, © and ™ are pictographs too, but not without a style selector.
_SHOWN = r"[\p{Extended_Pictographic}&&[\p{Emoji_Presentation}\x{2600}-\x{27BF}\x{1F000}-\x{1FAFF}]]"
_EMOJI = rf"{_SHOWN}{_STYLES}(?:\x{{200D}}\p{{Extended_Pictographic}}{_STYLES})*|\p{{Regional_Indicator}}{{2}}"
_BRACKET_EMOTE = r"\[(?:\p{Han}[\p{Han}A-Za-z0-9]{0,7}|doge)\]"  # [捂脸], as Douyin and Weibo export emotes
_CHANNEL_EMOTE = r"\b[a-z][a-z0-9]{2,}[A-Z][A-Za-z0-9]*\b"

_LETTER = r"[[\p{L}\p{M}\p{N}]--[\p{Han}\p{Hiragana}\p{Katakana}ー]]"
_WORD = rf"{_LETTER}+(?:['’-]{_LETTER}+)*|\p{{Han}}+|\p{{Hiragana}}+|[\p{{Katakana}}ー]+"
_ELISION = r"(?i:\b(?:[cdjlmnsty]|(?:jus|lors|puis|quoi)?qu)['’])"
_PUNCTUATION = r"[^\s\p{L}\p{M}\p{N}\p{C}]"


class Tokenizer:
    """Cuts texts into tokens as a config says."""

    def __init__(self, config: Config) -> None:
        """Load dictionary and word lists.

        Raises:
            BadInput: a word list is not UTF-8, or the library of the engine is not installed.
        """
        emotes = [*config.emotes, *_emotes_of_chat(config.input)]
        self._emotes = _emote_pattern(emotes, channel_emotes=config.channel_emotes)
        self._punctuation = f"|{_PUNCTUATION}" if config.keep_punctuation else ""
        self._cut = segmenter(config.engine, config.user_words_file)
        self._stopwords = config.stopwords
        self._user_stopwords = [] if config.stopwords_file is None else _read_words(config.stopwords_file)

    def tokenize(self, texts: pl.Series, languages: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Tokens of each text (list<str>), and how many emotes are among them (int32)."""
        plain, _ = normalize(texts, ["remove_kaomoji"])
        text = pl.col("text").str.replace_all(_EMOTE, "", literal=True).str.replace_all(MASKS, " ")
        rows = pl.DataFrame({"text": pl.Series(plain), "lang": languages}).with_columns(text)
        emotes = rows.select(emotes=pl.col("text").str.extract_all(self._emotes))["emotes"]
        rows = rows.with_columns(pl.col("text").str.replace_all(self._emotes, f" {_EMOTE} "))
        tokens = self._finish(self._pieces(rows), emotes, languages)
        return tokens, emotes.list.len().cast(pl.Int32)

    def _pieces(self, rows: pl.DataFrame) -> pl.Series:
        """Words, emote marks and, from the segmenter, whatever stood between them; no row is null."""
        chinese, french = pl.col("lang") == "zh", pl.col("lang") == "fr"
        word = f"{_EMOTE}|{_WORD}{self._punctuation}"
        parts = rows.select(
            zh=pl.when(chinese).then("text"),
            fr=pl.when(french).then("text").str.extract_all(f"{_ELISION}|{word}"),
            other=pl.when(~chinese & ~french).then("text").str.extract_all(word),
        )
        segmented = self._cut(parts["zh"]).alias("zh")
        return parts.with_columns(segmented).select(pieces=pl.coalesce("zh", "fr", "other"))["pieces"]

    def _finish(self, pieces: pl.Series, emotes: pl.Series, languages: pl.Series) -> pl.Series:
        """Put the emotes back, lower the words, drop what is no token."""
        rows = pl.DataFrame({"piece": pieces, "lang": languages}).with_row_index("row")
        flat = rows.explode("piece", empty_as_null=False)
        is_emote = flat["piece"] == _EMOTE
        words = flat["piece"].str.replace_all("’", "'", literal=True).str.to_lowercase()
        words = words.scatter(is_emote.arg_true(), emotes.explode(empty_as_null=False))
        is_token = words.str.contains(r"[^\s\p{C}]" if self._punctuation else r"[\p{L}\p{N}]")
        stays = is_emote | (is_token & ~self._is_stopword(words, flat["lang"]))
        return _regroup(words, stays, pieces.list.len())

    def _is_stopword(self, words: pl.Series, languages: pl.Series) -> pl.Series:
        bare = words.str.strip_chars_end("'")
        found = bare.is_in(self._user_stopwords)
        if self._stopwords:
            from stopwordsiso import stopwords

            for language in languages.unique().sort():
                found |= (languages == language) & bare.is_in(sorted(stopwords(language)))
        return found


def segmenter(engine: str, user_words: Path | None) -> Cut:
    """What cuts a column of Chinese texts; null rows stay null.

    Raises:
        BadInput: the engine's library is not installed, or the word list cannot be read.
    """
    if engine == "core":
        from fastnlp_core import Segmenter

        core = Segmenter(user_words=user_words)
        return lambda texts: pl.Series(core.cut(texts), dtype=pl.List(pl.String))
    words = [] if user_words is None else [_user_word(line) for line in _read_words(user_words)]
    try:
        cut = _jieba(words) if engine == "jieba" else _rjieba(words)
    except ModuleNotFoundError as error:
        raise BadInput(f"engine: {engine} is not installed; pip install 'fastnlp-core[compare]'") from error
    return lambda texts: texts.map_elements(cut, return_dtype=pl.List(pl.String))


def _jieba(words: list[tuple[str, int | None, str | None]]) -> Callable[[str], list[str]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its source has escapes that newer Pythons warn about
        import jieba

    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    for word in words:
        tokenizer.add_word(*word)
    cut: Callable[[str], list[str]] = tokenizer.lcut
    return cut


def _rjieba(words: list[tuple[str, int | None, str | None]]) -> Callable[[str], list[str]]:
    import rjieba

    tokenizer = rjieba.Jieba()
    for word in words:
        tokenizer.add_word(*word)
    cut: Callable[[str], list[str]] = tokenizer.cut
    return cut


def _user_word(line: str) -> tuple[str, int | None, str | None]:
    """Word, frequency and tag of a line, by jieba's rule: the word may hold spaces."""
    found = re.fullmatch(r"(.+?)(?: ([0-9]+))?(?: ([a-z]+))?", line)
    assert found is not None, "a line that is not empty matches"
    word, frequency, tag = found.groups()
    return word, None if frequency is None else int(frequency), tag


def _read_words(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (UnicodeDecodeError, OSError) as error:
        raise BadInput(f"{path}: expected a UTF-8 text file with one word a line ({error})") from error
    return [line.strip() for line in lines if line.strip()]


def _emotes_of_chat(folder: Path) -> list[str]:
    """The names that crawl found in the messages of a chat, where it wrote such a table."""
    path = folder / "emotes.parquet"
    return read_table(path, EMOTES)["name"].to_pylist() if path.is_file() else []


def _emote_pattern(names: list[str], *, channel_emotes: bool) -> str:
    """Matches any emote; of two that start together the longer name wins."""
    longest_first = sorted(set(names), key=lambda name: (-len(name), name))
    words = [name for name in longest_first if name[0].isalnum()]
    signs = [name for name in longest_first if not name[0].isalnum()]
    whole = [*([rf"\b(?:{_any_of(words)})"] if words else []), *([_any_of(signs)] if signs else [])]
    return "|".join([*whole, *([_CHANNEL_EMOTE] if channel_emotes else []), _BRACKET_EMOTE, _EMOJI])


def _any_of(names: list[str]) -> str:
    r"""The names in their order; no letter or digit stands right after one that ends with one.

    One `\b` for many names: with one for each, a thousand names took thirty times as long.
    """
    runs = groupby(names, key=lambda name: name[-1].isalnum())
    return "|".join(f"(?:{'|'.join(map(re.escape, run))})" + (r"\b" if is_word else "") for is_word, run in runs)


def _regroup(values: pl.Series, stays: pl.Series, lengths: pl.Series) -> pl.Series:
    """Flat values as lists of the given lengths, without those that do not stay."""
    ends = pl.concat([pl.Series([0], dtype=pl.Int64), lengths.cast(pl.Int64).cum_sum()])
    kept_before = pl.concat([pl.Series([0], dtype=pl.Int64), stays.cast(pl.Int64).cum_sum()])
    offsets = kept_before.gather(ends).to_arrow()
    kept = values.filter(stays).to_arrow().cast(pa.large_string())
    return pl.Series(pa.LargeListArray.from_arrays(offsets, kept), dtype=pl.List(pl.String))
