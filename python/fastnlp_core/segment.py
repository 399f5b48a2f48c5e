"""Chinese word segmentation, token for token that of jieba 0.42.1."""

import os
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Literal, TypeAlias, overload

import pyarrow as pa

from fastnlp_core import _native
from fastnlp_core._arguments import as_choice, as_flag, shown
from fastnlp_core._columns import Column, as_column
from fastnlp_core.errors import ColumnTypeError, InputError

UserWord: TypeAlias = str | tuple[str] | tuple[str, int | None] | tuple[str, int | None, str | None]
Token: TypeAlias = tuple[str, int, int]

_TEXTS = pa.large_string()


class Segmenter:
    """Cuts texts into words by jieba's dictionary and hidden Markov model.

    Takes one `str`, or a column of texts, whose rows are cut in parallel with the GIL released. Threads may share
    a segmenter. Two things differ from jieba: a deleted word is split where the model finds it by *this* segmenter,
    not by every one in the process; and a wrong dictionary line is always an error.

    Args:
        dictionary: a file in jieba's format, `word frequency [tag]` a line in UTF-8, instead of jieba's own words.
        user_words: words added to them: a file in jieba's user format (`word [frequency] [tag]` a line), or a
            list of words and of tuples (word, frequency or None, tag). Tags are read and not used.
        hmm: whether the model looks for words that the dictionary lacks.

    Raises:
        InputError: a file that cannot be read, or a bad line, named with its file; a bad word.

    >>> Segmenter().cut("我来到北京清华大学")
    ['我', '来到', '北京', '清华大学']
    >>> Segmenter(user_words=["石墨烯", ("凱特琳", 10, "nz")]).cut("石墨烯和凱特琳")
    ['石墨烯', '和', '凱特琳']
    """

    def __init__(
        self,
        dictionary: str | os.PathLike[str] | None = None,
        user_words: str | os.PathLike[str] | Iterable[UserWord] | None = None,
        hmm: bool = True,
    ) -> None:
        words = None if dictionary is None else _read_file("dictionary", dictionary)
        self._native = _native.Segmenter(_packed_dictionary(), words, as_flag("hmm", hmm))
        if isinstance(user_words, (str, os.PathLike)):
            self._native.add_user_words(*_read_file("user_words", user_words))
        elif not isinstance(user_words, Iterable | None):
            raise ColumnTypeError(f"user_words: expected a file or a list of words, got {shown(user_words)}")
        elif user_words is not None:
            for row, word in enumerate(user_words):
                self.add_word(*_word_fields(row, word))

    @overload
    def cut(self, texts: str) -> list[str]: ...
    @overload
    def cut(self, texts: Column) -> pa.LargeListArray: ...
    def cut(self, texts: str | Column) -> list[str] | pa.LargeListArray:
        """Cut into the most probable words, which together are the text (jieba's `cut`).

        Args:
            texts: one text, or a text column of n rows.

        Returns:
            The words, or large_list<large_string> with n rows; null where the text is null. The words of a column
            share the bytes of the text column.

        Raises:
            InputError: a text that is not UTF-8 (lone surrogates, wrong bytes); names the row.
            ColumnTypeError: neither a text nor a text column.

        >>> Segmenter().cut(["他来到了网易杭研大厦", None]).to_pylist()
        [['他', '来到', '了', '网易', '杭研', '大厦'], None]
        >>> Segmenter(hmm=False).cut("他来到了网易杭研大厦")
        ['他', '来到', '了', '网易', '杭', '研', '大厦']
        """
        return self._cut(texts, "default")

    @overload
    def cut_all(self, texts: str) -> list[str]: ...
    @overload
    def cut_all(self, texts: Column) -> pa.LargeListArray: ...
    def cut_all(self, texts: str | Column) -> list[str] | pa.LargeListArray:
        """Give every word at every position, without the model (jieba's `cut(cut_all=True)`).

        Arguments, result and errors as for `cut`. As in jieba, white space outside of words leaves empty tokens.

        >>> Segmenter().cut_all("来到清华大学")
        ['来到', '清华', '清华大学', '华大', '大学']
        """
        return self._cut(texts, "all")

    @overload
    def cut_for_search(self, texts: str) -> list[str]: ...
    @overload
    def cut_for_search(self, texts: Column) -> pa.LargeListArray: ...
    def cut_for_search(self, texts: str | Column) -> list[str] | pa.LargeListArray:
        """Give the words of `cut`, each preceded by the words of two and three characters in it.

        Arguments, result and errors as for `cut`.

        >>> Segmenter().cut_for_search("来到清华大学")
        ['来到', '清华', '华大', '大学', '清华大学']
        """
        return self._cut(texts, "search")

    @overload
    def tokenize(self, texts: str, mode: Literal["default", "search"] = "default") -> list[Token]: ...
    @overload
    def tokenize(self, texts: Column, mode: Literal["default", "search"] = "default") -> pa.LargeListArray: ...
    def tokenize(
        self, texts: str | Column, mode: Literal["default", "search"] = "default"
    ) -> list[Token] | pa.LargeListArray:
        """Give words with where they start and end in the text, counted in code points.

        Args:
            texts: one text, or a text column of n rows.
            mode: the words of `cut`, or those of `cut_for_search`.

        Returns:
            Tuples (token, start, end), or large_list<struct<token: large_string, start: int64, end: int64>> with n
            rows; null where the text is null.

        Raises:
            InputError: as `cut`; another mode.
            ColumnTypeError: as `cut`.

        >>> Segmenter().tokenize("😀永和服装")
        [('😀', 0, 1), ('永和', 1, 3), ('服装', 3, 5)]
        """
        as_choice("mode", mode, ("default", "search"))
        if isinstance(texts, str):
            return self._native.tokenize(_utf8("texts", texts), mode == "search")
        return pa.array(self._native.tokenize_column(as_column("texts", texts, _TEXTS), mode == "search"))

    def encode(self, texts: Column) -> tuple[pa.LargeListArray, pa.LargeStringArray]:
        """Cut as `cut`, and number the words: for models and set similarity, which take ids.

        Args:
            texts: a text column of n rows.

        Returns:
            ids: large_list<uint32> with n rows, in the order of the words; null where the text is null.
            vocabulary: large_string, the distinct words in the order of first appearance; an id is a row of it.

        Raises:
            InputError: as `cut`.
            ColumnTypeError: not a text column.

        >>> ids, vocabulary = Segmenter().encode(["我爱北京", None, "北京爱我"])
        >>> ids.to_pylist(), vocabulary.to_pylist()
        ([[0, 1, 2], None, [2, 1, 0]], ['我', '爱', '北京'])
        """
        ids, vocabulary = self._native.encode_column(as_column("texts", texts, _TEXTS))
        return pa.array(ids), pa.array(vocabulary)

    def add_word(
        self,
        word: str,
        freq: int | None = None,
        tag: str | None = None,  # noqa: ARG002 - calls written for jieba pass it
    ) -> None:
        """Add a word, or change its frequency.

        Args:
            word: at least one character. Only words of Han characters, ASCII letters, digits and `+#&._%-` are
                ever found in a text.
            freq: 0 to 2^53; None for `suggest_freq(word)`, at which the word is not cut.
            tag: part of speech; accepted as jieba does, not used.

        Raises:
            InputError: an empty word, lone surrogates, or a frequency out of range.
            ColumnTypeError: a word that is no str, or a frequency that is no int.

        >>> segmenter = Segmenter()
        >>> segmenter.add_word("杭研大厦")
        >>> segmenter.cut("网易杭研大厦")
        ['网易', '杭研大厦']
        """
        self._native.add_word(_word("word", word), _frequency("freq", freq))

    def del_word(self, word: str) -> None:
        """Delete a word: `add_word(word, 0)`. It is cut into characters also where the model finds it.

        Raises:
            InputError: an empty word, or lone surrogates.
            ColumnTypeError: a word that is no str.

        >>> segmenter = Segmenter()
        >>> segmenter.del_word("清华大学")
        >>> segmenter.cut("清华大学")
        ['清华', '大学']
        """
        self.add_word(word, 0)

    def suggest_freq(self, segment: str | Sequence[str], tune: bool = False) -> int:
        """Frequency at which a word stays whole, or at which it falls into parts, if the model is not asked.

        Args:
            segment: the word, or the sequence of the parts it should fall into.
            tune: set the frequency too.

        Raises:
            InputError: an empty word, or lone surrogates.
            ColumnTypeError: not a str or a sequence of them.

        >>> segmenter = Segmenter(hmm=False)
        >>> segmenter.cut("如果放到数据库中将出错。")
        ['如果', '放到', '数据库', '中将', '出错', '。']
        >>> segmenter.suggest_freq(("中", "将"), tune=True)
        494
        >>> segmenter.cut("如果放到数据库中将出错。")
        ['如果', '放到', '数据库', '中', '将', '出错', '。']
        """
        if isinstance(segment, str):
            word = _word("segment", segment)
            freq = self._native.suggest_joined(word)
        elif not isinstance(segment, (list, tuple)):
            raise ColumnTypeError(f"segment: expected a word (str) or a list of its parts, got {shown(segment)}")
        else:
            parts = [_word(f"segment[{row}]", part) for row, part in enumerate(segment)]
            word = "".join(parts)
            freq = self._native.suggest_split(parts)
        if as_flag("tune", tune):
            self._native.add_word(word, freq)
        return freq

    def _cut(self, texts: str | Column, mode: Literal["default", "all", "search"]) -> list[str] | pa.LargeListArray:
        if isinstance(texts, str):
            return self._native.cut(_utf8("texts", texts), mode)
        return pa.array(self._native.cut_column(as_column("texts", texts, _TEXTS), mode))


def _packed_dictionary() -> bytes:
    try:
        return files("fastnlp_core").joinpath("jieba.dictionary").read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{error.filename}: not found; run `make dictionary` and install the package again") from error


def _read_file(argument: str, path: str | os.PathLike[str]) -> tuple[str, bytes]:
    if not isinstance(path, (str, os.PathLike)):
        raise ColumnTypeError(f"{argument}: expected the path of a file, got {shown(path)}")
    try:
        return str(path), Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise InputError(f"{argument}: expected a file that can be read, got {str(path)!a} ({error})") from error


def _word_fields(row: int, word: object) -> tuple[str, int | None]:
    """Word and frequency of one item of `user_words`."""
    where = f"user_words[{row}]"
    fields = word if isinstance(word, tuple) else (word,)
    if not 1 <= len(fields) <= 3 or not isinstance(fields[0], str):
        raise ColumnTypeError(f"{where}: expected a word or (word, frequency, tag), got {shown(word)}")
    return _word(where, fields[0]), _frequency(where, fields[1] if len(fields) > 1 else None)


def _word(argument: str, word: object) -> str:
    if not isinstance(word, str):
        raise ColumnTypeError(f"{argument}: expected a word (str), got {shown(word)}")
    if not word:
        raise InputError(f"{argument}: expected at least one character, got an empty word")
    return _utf8(argument, word)


def _frequency(argument: str, freq: object) -> int | None:
    if freq is None:
        return None
    if not isinstance(freq, int):
        raise ColumnTypeError(f"{argument}: expected a frequency (int) or None, got {shown(freq)}")
    if not 0 <= freq <= 2**53:
        raise InputError(f"{argument}: expected a frequency from 0 to 2^53, got {shown(freq)}")
    return int(freq)


def _utf8(argument: str, text: str) -> str:
    """The text, known to be one that UTF-8 can hold."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        found = ascii(text[error.start])
        raise InputError(
            f"{argument}: expected text that UTF-8 can hold, got the lone surrogate {found} at {error.start}; "
            "clean it with text.encode('utf-8', 'replace').decode()"
        ) from error
    return text
