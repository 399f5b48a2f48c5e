import pytest
from pydantic import TypeAdapter

from fastnlp_jobs.jobs.label.consensus import consensus
from fastnlp_jobs.llm.schema import LabelFields

FIELDS = TypeAdapter(LabelFields).validate_python(
    {
        "emotion": {"kind": "choice", "max_characters": 4},
        "score": {"kind": "number", "min": 0, "max": 100},
        "emotions": {"kind": "choices", "options": ["anger", "joy", "love"]},
    }
)


def answer(emotion, score, *emotions):
    return {"emotion": emotion, "score": float(score), "emotions": list(emotions)}


def test_one_sample_is_taken_as_it_is_without_confidence():
    assert consensus(FIELDS, [answer("喜悦", 80, "joy")]) == (answer("喜悦", 80, "joy"), None)


def test_equal_samples_are_sure():
    assert consensus(FIELDS, [answer("喜悦", 80, "joy")] * 3) == (answer("喜悦", 80, "joy"), 1.0)


def test_most_samples_decide_and_confidence_is_the_mean_of_the_fields():
    samples = [answer("喜悦", 80, "joy"), answer("喜悦", 70, "joy", "love"), answer("愤怒", 90, "joy")]
    outcome = consensus(FIELDS, samples)
    assert outcome is not None
    values, confidence = outcome
    assert values == answer("喜悦", 80, "joy")
    assert confidence == pytest.approx((2 / 3 + (1 + 0.9 + 0.9) / 3 + (1 + 0.5 + 1) / 3) / 3)


def test_samples_that_cannot_be_used_lower_the_confidence():
    outcome = consensus(FIELDS, [answer("喜悦", 80, "joy"), None, answer("喜悦", 80, "joy")])
    assert outcome is not None
    assert outcome[1] == pytest.approx(2 / 3)


@pytest.mark.parametrize("samples", [[None], [None, answer("喜悦", 80, "joy")], [None, None, answer("喜悦", 1, "joy")]])
def test_a_row_of_which_half_the_samples_cannot_be_used_has_no_labels(samples):
    assert consensus(FIELDS, samples) is None


def test_lists_that_share_nothing_give_the_first_of_the_most_frequent():
    outcome = consensus(FIELDS, [answer("a", 1, "joy"), answer("a", 1, "love"), answer("a", 1, "anger")])
    assert outcome is not None
    assert outcome[0]["emotions"] == ["joy"]
