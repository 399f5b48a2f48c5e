"""Near-copies for the gates: of several, the most similar and first."""

from fastnlp_jobs.jobs.augment.copies import nearest

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
