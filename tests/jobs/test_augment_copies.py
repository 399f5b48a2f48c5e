"""Near-copies for the gates: of several, the most similar and first."""

import pytest

from fastnlp_jobs.jobs.augment.copies import nearest, nearest_earlier

TEXT = "您好，请问有什么可以帮您，我想查询话费"


def test_the_most_similar_text_is_found_and_the_first_of_equal_ones():
    others = ["加班", TEXT + "吗", TEXT, TEXT]
    assert nearest(["天气很好", TEXT], others, 0.8) == {1: (2, 1.0)}


def test_a_text_of_any_place_is_compared():
    texts = [f"{row:05}" for row in range(2_500)]
    assert nearest(texts, [texts[2_400], texts[999], texts[1_000]], 1.0) == {
        999: (1, 1.0),
        1_000: (2, 1.0),
        2_400: (0, 1.0),
    }


def test_there_may_be_nothing_to_compare():
    assert nearest([], [TEXT], 0.8) == nearest([TEXT], [], 0.8) == {}


TURNS = ["您好请讲", "我想问一下这个月的话费怎么扣了这么多", "请稍等，我帮您查询一下", "那我要投诉你们A1"]
CALL = "[SEP]".join(TURNS)


@pytest.mark.parametrize(
    "text",
    [
        CALL.replace("，", ""),
        CALL.replace("[SEP]", "。 [SEP] ") + "！",
        " ".join(CALL),
        "\u200b".join(CALL),
        CALL.replace("[SEP]", "【sep】"),
        CALL.replace("A1", "ａ１"),
        "[SEP]".join([TURNS[2], *TURNS[:2], TURNS[3]]),
    ],
)
def test_punctuation_spaces_width_case_and_the_order_of_turns_set_no_copy_apart(text):
    assert nearest([text], [CALL], 0.8).keys() == {0}
    assert nearest_earlier([CALL, text], 0.8).keys() == {1}


@pytest.mark.parametrize("border", ["，", "\n", ""])
def test_a_copy_is_found_where_the_borders_between_its_turns_are_lost(border):
    assert nearest([TURNS[0], border.join(TURNS)], [CALL], 0.8).keys() == {1}


def test_texts_of_signs_alone_are_copies_where_they_are_equal():
    assert nearest(["？！", "😂"], ["！！", "？！", "👍"], 0.8) == {0: (1, 1.0)}
