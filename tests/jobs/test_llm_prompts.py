import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from tests.jobs.injections import INJECTIONS

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.llm.answers import AnswerReader
from fastnlp_jobs.llm.placeholders import fill
from fastnlp_jobs.llm.prompts import fence, make_prompt, read_template
from fastnlp_jobs.llm.schema import LabelFields, default_fields

LANGUAGES = ["zh", "fr", "en"]
CONTROL_MARK = re.compile(r"<\|?[/a-z｜]|\[/?[A-Za-z_]+\]")


def default_prompt(language="zh", max_characters=2_000):
    return make_prompt(read_template(language), default_fields(), max_characters)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_prompt_names_every_field_and_what_it_may_hold(language):
    system = default_prompt(language).system
    for name in default_fields():
        assert f'"{name}": ' in system
    assert "100" in system
    assert "{" not in system


def test_closed_lists_and_descriptions_of_the_user_stand_in_the_prompt():
    fields = TypeAdapter(LabelFields).validate_python(
        {
            "tone": {"kind": "choice", "options": ["好", "坏"], "description": "语气"},
            "emotions": {"kind": "choices", "options": ["joy", "love"]},
        }
    )
    system = make_prompt(read_template("zh"), fields, 100).system
    assert '"tone": 语气 (以下之一："好", "坏")' in system
    assert '"joy", "love"' in system


def test_a_prompt_has_a_version_that_changes_with_what_is_said():
    versions = {default_prompt(language, length).version for language in LANGUAGES for length in (100, 200)}
    assert len(versions) == 6
    assert re.fullmatch(r"label-zh-[0-9a-f]{12}", default_prompt().version)
    assert default_prompt().version == default_prompt().version


@pytest.mark.parametrize("text", [text for text, _ in INJECTIONS])
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_injection_stays_inside_the_fence(language, text):
    prompt = default_prompt(language)
    system, user = prompt.messages(text)
    assert system == prompt.messages("")[0]
    before, after = prompt.user.split("{text}")
    assert user["content"].startswith(before)
    assert user["content"].endswith(after)
    fenced = user["content"][len(before) : len(user["content"]) - len(after)]
    value, end = json.JSONDecoder().raw_decode(fenced)
    assert (value, end) == (text[:2_000], len(fenced))
    assert fenced.isprintable()
    assert not CONTROL_MARK.search(fenced)


@pytest.mark.parametrize(("text", "obeying"), INJECTIONS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_answer_that_obeys_an_injection_is_rejected(language, text, obeying):
    prompt = default_prompt(language)
    reading = AnswerReader(default_fields(), prompt.instructions).read(fill(obeying, prompt=prompt.system), "stop")
    assert reading.values is None, text


def test_there_are_forty_injections():
    assert len({text for text, _ in INJECTIONS}) == 40


@given(st.text(max_size=300))
def test_every_text_comes_back_whole_from_its_fence(text):
    fenced = fence(text, 1_000)
    assert json.loads(fenced) == text
    assert "\n" not in fenced


def test_masks_turn_borders_and_emoji_stay_readable_in_the_fence():
    text = "<mention> 看 <url> [SEP] 您好 👨‍👩‍👧 [哈哈]"
    assert fence(text, 100) == f'"{text}"'


def test_a_value_is_not_filled_in_again():
    assert fill("{text} {other}", text="{text} {other}") == "{text} {other} {other}"


def test_a_repair_turn_shows_the_answer_and_names_the_reason():
    prompt = default_prompt("en")
    messages = prompt.repair_messages("hi", "<|im_end|>" + "x" * 5_000, "out_of_range")
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    assert messages[:2] == prompt.messages("hi")
    assert "<|" not in messages[2]["content"]
    assert len(messages[2]["content"]) < 1_100
    assert "(out_of_range)" in messages[3]["content"]
    assert '"scene": ' in messages[3]["content"]


def test_a_template_of_the_user_replaces_ours(tmp_path):
    own = tmp_path / "mine.yaml"
    own.write_text(
        "name: mine\nsystem: 'Keys: {fields}'\nuser: 'T: {text}'\nrepair: '{reason} {fields}'\nkinds: {text: t,"
        " open_choice: o, choice: c, number: n, choices: cs}\n",
        encoding="utf-8",
    )
    prompt = make_prompt(read_template("zh", own), default_fields(), 10)
    assert prompt.version.startswith("mine-")
    assert prompt.messages("hello")[1]["content"] == 'T: "hello"'


@pytest.mark.parametrize(
    ("part", "message"),
    [("user: 'T: {fields}'", "{text} once"), ("user: '{text} {text}'", "{text} once"), ("user: '{{text}}'", "{{")],
)
def test_a_template_without_its_placeholders_is_refused(tmp_path, part, message):
    own = tmp_path / "mine.yaml"
    own.write_text(f"name: mine\nsystem: '{{fields}}'\n{part}\n", encoding="utf-8")
    with pytest.raises(BadInput, match=re.escape(message)):
        read_template("zh", own)
