"""What a model is asked: examples, keyword, style and length change from call to call; the longest batch fits."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.jobs.calls import write_examples

from fastnlp_jobs.jobs.augment import Config
from fastnlp_jobs.jobs.augment.corpus import Corpus
from fastnlp_jobs.jobs.augment.requests import Requests


def systems(folder: Path, calls: int, **prompt: Any) -> list[str]:
    """The instructions of so many calls for class b."""
    corpus = Corpus(write_examples(folder / "documents", {"a": 60, "b": 12}, {}))
    requests = Requests(corpus, Config(input=folder, output=folder / "out", candidates=folder, prompt=prompt))
    return [requests.call("b", number).messages[0]["content"] for number in range(calls)]


@pytest.mark.parametrize(("keywords", "styles"), [(1, 6), (4, 6), (5, 5), (6, 3), (2, 1)])
def test_all_combinations_of_keyword_style_and_length_come_before_one_comes_again(tmp_path, keywords, styles):
    words = [f"词{number}" for number in range(keywords)]
    manners = [f"样{number}" for number in range(styles)]
    asked = systems(tmp_path, 3 * keywords * styles, keywords={"b": words}, styles=manners)
    found = [tuple(re.findall(r"词\d|样\d|大约 \d+", text)) for text in asked]
    lengths = {length for length, *_ in found}
    assert len(lengths) == 3
    assert sorted(found) == sorted(itertools.product(lengths, words, manners))
    assert all(one[1] != other[1] for one, other in itertools.pairwise(found)) or keywords == 1


def test_a_class_whose_list_of_keywords_is_empty_is_asked_without_one(tmp_path):
    (text,) = systems(tmp_path, 1, keywords={"b": []})
    assert "都用到" not in text


def test_an_answer_may_be_as_long_as_a_batch_of_the_longest_samples(tmp_path):
    corpus = Corpus(write_examples(tmp_path / "documents", {"a": 60, "b": 12}, {}))
    requests = Requests(corpus, Config(input=tmp_path, output=tmp_path / "out", candidates=tmp_path))
    longest = json.dumps({"samples": ["字" * 400] * 10}, ensure_ascii=False)
    assert requests.max_tokens > 10 * 400 * 1.5 + len(longest) - 10 * 400  # a token for each sign of JSON
