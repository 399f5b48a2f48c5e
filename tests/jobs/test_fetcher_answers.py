"""Bytes into text and JSON, whatever a page says of its charset."""

import pytest

from fastnlp_jobs.errors import Unavailable
from fastnlp_jobs.sources.web.answer import Answer

CHINESE = "今天的菜很好吃，下次再来"


def answer(body: bytes, kind: str = "text/html") -> Answer:
    return Answer("http://a.test/x?key=secret", {"content-type": kind}, body)


@pytest.mark.parametrize("charset", ["utf-8", "gbk", "GB2312", "gb18030", "big5", "shift_jis", "euc-jp"])
def test_text_is_read_in_the_charset_of_the_header(charset):
    text = "今天的天氣" if charset == "big5" else "今日の天気" if "j" in charset else CHINESE
    assert answer(text.encode(charset), f"text/html; charset={charset}").text() == (text, 0)


@pytest.mark.parametrize("meta", ['<meta charset="gbk">', "<META http-equiv=x content='text/html; charset=gbk'>"])
def test_text_is_read_in_the_charset_of_the_page(meta):
    assert answer((meta + CHINESE).encode("gbk")).text() == (meta + CHINESE, 0)


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_wins_over_what_is_declared(codec):
    assert answer(CHINESE.encode(codec), "text/html; charset=gbk").text() == (CHINESE, 0)


@pytest.mark.parametrize("declared", ["gbk", "iso-8859-1", "no-such-charset", "zip", "unicode_escape", "idna"])
def test_utf_8_is_read_as_such_whatever_is_declared(declared):
    assert answer(CHINESE.encode(), f"text/html; charset={declared}").text() == (CHINESE, 0)


def test_latin_1_is_read_as_browsers_do():
    assert answer(b"\x93caf\xe9\x94", "text/html; charset=ISO-8859-1").text() == ("“café”", 0)


@pytest.mark.parametrize("declared", ["utf-8", "unicode_escape", "hex", ""])
def test_bytes_that_cannot_be_read_are_replaced_and_counted(declared):
    assert answer(b"a\xffb\xfe\\n", f"text/html; charset={declared}").text() == ("a\ufffdb\ufffd\\n", 2)


def test_a_replacement_character_of_the_page_itself_is_no_unreadable_one():
    assert answer("a\ufffd".encode()).text() == ("a\ufffd", 0)


def test_json_is_read():
    assert answer('{"text": "好"}'.encode()).json() == {"text": "好"}


@pytest.mark.parametrize("body", [b"<html>log in</html>", b'{"a": [1, 2', b"", b"[" * 200_000, b"\xff\xfe\x00"])
def test_what_is_no_json_is_unavailable(body):
    with pytest.raises(Unavailable, match=r"^http://a.test/x: expected JSON, got \d+ bytes of 'text/html'"):
        answer(body).json()
