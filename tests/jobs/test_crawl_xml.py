"""crawl on XML: elements as rows, attributes as columns and labels, and files that mean harm."""

from typing import Any

import pytest

from fastnlp_jobs.errors import BadInput

SENTENCES = """<?xml version="1.0" encoding="gb2312"?>
<posts>
  <post id="7" user="小明"><sentence nr="1" opinionated="Y" emotion="joy">好<b>开心</b> &lt;3</sentence>
  <sentence nr="2" opinionated="N">今天周一</sentence></post>
  <post id="8"><sentence nr="1" opinionated="Y" emotion="anger">气死&#x6211;了</sentence><note>no row</note></post>
</posts>
"""
MAPPING = {"element": "sentence", "columns": {"thread_id": "post/id"}, "labels": {"column": "emotion"}}


def test_elements_become_rows_and_attributes_columns(crawl: Any) -> None:
    run = crawl("a.xml", SENTENCES, mapping=MAPPING)
    assert run.column("text") == ["好开心 <3", "今天周一", "气死我了"]
    assert run.column("thread_id") == ["7", "7", "8"]
    assert len(set(run.column("id"))) == 3


def test_an_attribute_is_a_label_and_rows_without_it_are_no_examples(crawl: Any) -> None:
    examples = crawl("a.xml", SENTENCES, mapping=MAPPING).rows("examples")
    assert [(row["text"], row["labels"]) for row in examples] == [("好开心 <3", ["joy"]), ("气死我了", ["anger"])]


def test_the_encoding_is_recognised_whatever_the_file_declares(crawl: Any) -> None:
    assert crawl("a.xml", SENTENCES.encode("gb18030"), mapping=MAPPING).column("text")[1] == "今天周一"


def test_authors_of_the_elements_around_become_pseudonyms(crawl: Any) -> None:
    mapping = {"element": "sentence", "columns": {"author": "post/user"}}
    authors = crawl("a.xml", SENTENCES, mapping=mapping).column("author")
    assert authors[0] == authors[1] != "小明"
    assert authors[2] is None


def test_damaged_bytes_and_too_long_texts_cost_only_their_row(crawl: Any) -> None:
    rows = [f"<s>{'好' * 200}</s>".encode() * 30, b"<s>\xff</s>", b"<s>" + b"x" * 131_073 + b"</s>", b"<s>ok</s>"]
    run = crawl("a.xml", b"<all>" + b"".join(rows) + b"</all>", mapping={"element": "s"})
    assert run.result["rows_out"] == 31
    assert [(row["row"], row["reason"]) for row in run.rows("rejected")] == [
        (31, "bytes that are no text in this encoding"),
        (32, "a text above 131,072 characters"),
    ]


BOMB = """<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>\n<a><s>&b;</s></a>"""
REFUSED = [
    (SENTENCES, {}, "which element of the XML is a row? set `mapping.element` to its name"),
    (BOMB, {"element": "s"}, "a.xml:1: document type declarations are not read, their entities can do harm"),
    ('<!DOCTYPE a SYSTEM "file:///etc/hostname"><a/>', {"element": "s"}, "document type declarations are not read"),
    ("<a>\n<s>&undefined;</s></a>", {"element": "s"}, "a.xml:2: expected XML, got undefined entity"),
    ("<a>\n<s>one</a>", {"element": "s"}, "a.xml:2: expected XML, got mismatched tag"),
    ("<a>" * 101, {"element": "s"}, "expected at most 100 elements inside each other, got more"),
    (f"<a b='{'x' * 2_000_000}", {"element": "s"}, "expected the end of a tag or comment within 1,048,576 characters"),
    (SENTENCES, {"element": "verse"}, "expected rows, found none"),
    (
        SENTENCES,
        {"element": "sentence", "labels": {"column": "mood"}},
        "the column `mood` is missing; found: emotion, nr",
    ),
]


@pytest.mark.parametrize(("content", "mapping", "message"), REFUSED)
def test_xml_that_cannot_be_used_is_refused(crawl: Any, content: str, mapping: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as error:
        crawl("a.xml", content, mapping=mapping)
    assert message in str(error.value)
