"""`label` by a language model: a stub server says what a test wants; of the embedded model only the form is tested."""

import re
import sys

import polars as pl
import pytest
from tests.jobs.injections import INJECTIONS
from tests.jobs.labelled import GOOD, TEXTS, config, json_of, label, served, table, written
from tests.jobs.stub_llm_server import completion

from fastnlp_jobs.cli import main
from fastnlp_jobs.errors import BadInput, JobError
from fastnlp_jobs.execution import plan
from fastnlp_jobs.jobs.label import Config, run_on_text
from fastnlp_jobs.jobs.label.by_model import columns
from fastnlp_jobs.llm.placeholders import fill
from fastnlp_jobs.llm.schema import default_fields
from fastnlp_jobs.schemas import REJECTED, labels


@pytest.fixture
def documents(tmp_path):
    return written(tmp_path, TEXTS)


def test_every_document_gets_the_fields_of_the_schema(documents):
    with served(lambda *_: json_of(GOOD)) as server:
        result, output = label(server, documents)
    rows = table(output, "labels", labels(columns(default_fields())))
    assert [row["id"] for row in rows] == pl.read_parquet(documents / "documents.parquet")["id"].to_list()
    assert rows[0]["scene"] == "早晨"
    assert rows[0]["emotion_score"] == 80.0
    assert rows[0]["model"] == "stub"
    assert rows[0]["prompt_hash"].startswith("label-zh-")
    assert rows[0]["confidence"] is None
    assert (result["rows_in"], result["rows_out"], result["asked"]["success"]) == (6, 6, 1.0)


def test_what_is_not_installed_is_said_before_anybody_is_asked(documents, monkeypatch):
    monkeypatch.setitem(sys.modules, "snownlp", None)
    with served(lambda *_: json_of(GOOD)) as server:
        with pytest.raises(BadInput, match="snownlp is not installed"):
            label(server, documents, snownlp_rows=5)
        assert server.bodies == []


def test_equal_texts_share_a_call(documents):
    with served(lambda *_: json_of(GOOD)) as server:
        result, _ = label(server, documents)
    assert len(server.bodies) == 5
    assert (result["asked"]["calls"], result["asked"]["rows"]) == (5, 6)


def test_the_server_is_held_to_the_schema(documents):
    with served(lambda *_: json_of(GOOD)) as server:
        label(server, documents)
        gbnf = {"base_url": server.base_url, "model": "stub", "structured": "gbnf"}
        label(server, documents, name="gbnf", asking={"endpoint": gbnf})
    schema = server.bodies[0]["response_format"]["json_schema"]["schema"]
    assert schema["required"] == list(default_fields())
    assert server.bodies[-1]["grammar"].startswith('root ::= "{\\"scene\\":"')


def test_what_cannot_be_used_is_rejected_with_what_the_model_said(documents):
    def say(text, _):
        return "call me: 13812345678, @somebody" if text == "太吵了" else json_of(GOOD)

    with served(say) as server:
        result, output = label(server, documents)
    assert table(output, "rejected", REJECTED) == [
        {"file": "documents.parquet", "row": 2, "reason": "not_json", "text": "call me: <phone>, <mention>"}
    ]
    assert (result["rows_in"], result["rows_out"], result["rows_rejected"]) == (6, 5, 1)
    assert result["asked"]["reasons"] == {"not_json": 1}


def test_too_few_labels_fail_the_run_in_one_line_and_the_answers_are_kept(documents, tmp_path, capsys):
    def say(text, _):
        return json_of(GOOD) if text == "房间很好" else json_of({**GOOD, "emotion_score": 101})

    with served(say) as server:
        own = tmp_path / "label.yaml"
        own.write_text(
            f"engine: llm\ninput: {documents}\noutput: {tmp_path / 'labels'}\n"
            f"llm: {{endpoint: {{base_url: '{server.base_url}', model: stub}}}}\n",
            encoding="utf-8",
        )
        assert main(["label", "--config", str(own)]) == 1
        last = capsys.readouterr().err.splitlines()[-1]
        assert last.startswith("error: 2 of 6 rows have labels (33.3%), expected at least 80%; of the others 4 out_of_")
        assert not (tmp_path / "labels").exists()
        asked = len(server.bodies)
        assert main(["label", "--config", str(own), "--set", "llm.min_success=0.3"]) == 0
    assert len(server.bodies) == asked
    assert len(table(tmp_path / "labels", "rejected", REJECTED)) == 4


def test_a_follow_up_turn_repairs_an_answer(documents):
    def say(text, body):
        return json_of(GOOD if len(body["messages"]) == 4 or text != "太吵了" else {**GOOD, "scene": ""})

    with served(say) as server:
        result, output = label(server, documents, asking={"repair": True})
    assert result["asked"]["mended"] == {"repaired": 1}
    assert len(table(output, "labels", labels(columns(default_fields())))) == 6
    (repair,) = [body["messages"] for body in server.bodies if len(body["messages"]) == 4]
    assert "empty_value: scene" in repair[3]["content"]


def test_several_samples_give_a_confidence(documents):
    def say(_, body):
        return json_of({**GOOD, "emotion": "愤怒" if body["seed"] == 1 else "喜悦"})

    with served(say) as server:
        _, output = label(server, documents, asking={"samples": 3, "temperature": 0.7})
    rows = table(output, "labels", labels(columns(default_fields())))
    assert {body["seed"] for body in server.bodies} == {0, 1, 2}
    assert {row["emotion"] for row in rows} == {"喜悦"}
    assert rows[0]["confidence"] == pytest.approx((3 + 2 / 3) / 4)


def test_a_sample_is_drawn_by_the_seed(documents):
    with served(lambda *_: json_of(GOOD)) as server:
        result, output = label(server, documents, sample=3, seed=7)
        _, again = label(server, documents, name="again", sample=3, seed=7)
        _, other = label(server, documents, name="other", sample=3, seed=5)
    ids = [[row["id"] for row in table(one, "labels", labels(columns(default_fields())))]
           for one in (output, again, other)]  # fmt: skip
    assert result["rows_in"] == 3
    assert ids[0] == ids[1] != ids[2]


def test_the_same_answers_give_the_same_bytes(documents):
    with served(lambda *_: json_of(GOOD)) as server:
        settings = {"sheet_rows": 3, "pairs": {}, "target": "emotion", "state": documents.parent / "state"}
        _, first = label(server, documents, **settings)
        asked = len(server.bodies)
        _, second = label(server, documents, name="second", **settings)
    assert len(server.bodies) == asked
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert len(files) == 14
    assert [(first / file).read_bytes() for file in files] == [(second / file).read_bytes() for file in files]


def test_a_dry_run_says_calls_tokens_cost_and_time_and_asks_nobody(documents):
    prices = {"price_in": 1.0, "price_out": 2.0, "requests_per_minute": 2}
    with served(lambda *_: json_of(GOOD)) as server:
        endpoint = {"base_url": server.base_url, "model": "stub", **prices}
        asked = plan("label", config(server, documents, asking={"endpoint": endpoint, "max_tokens": 100}))["asked"]
    assert server.bodies == []
    assert (asked["documents"], asked["rows"], asked["calls"], asked["in_ledger"]) == (6, 6, 5, 0)
    assert (asked["tokens_out_at_most"], asked["seconds_at_the_limits"]) == (500, 150.0)
    assert asked["cost_at_most"] == pytest.approx((asked["tokens_in_about"] + 2 * 500) / 1e6)
    assert "房间很好" in asked["sample_prompt"][1]["content"]
    assert not (documents.parent / "labels.state").exists()


def test_a_dry_run_says_what_it_costs_if_every_answer_is_repaired(documents):
    def say(_, body):
        sent = sum(len(message["content"].encode()) // 3 + 8 for message in body["messages"])
        return completion("？" * 33) | {"usage": {"prompt_tokens": sent, "completion_tokens": 100}}

    with served(say) as server:
        endpoint = {"base_url": server.base_url, "model": "stub", "price_in": 1.0, "price_out": 2.0}
        asking = {"endpoint": endpoint, "max_tokens": 100, "repair": True, "min_success": 0}
        asked = plan("label", config(server, documents, asking=asking))["asked"]["if_every_answer_is_repaired"]
        result, _ = label(server, documents, asking=asking)
    assert (asked["to_make"], asked["tokens_out_at_most"]) == (result["asked"]["calls"], 1_000)
    assert 0.8 * asked["cost_at_most"] < result["asked"]["cost"] <= asked["cost_at_most"]


def test_a_state_that_is_no_folder_is_refused_in_one_line(documents, tmp_path):
    (tmp_path / "state").touch()
    said = r"state: cannot create .*state \(File exists\); choose another state"
    with served(lambda *_: json_of(GOOD)) as server, pytest.raises(BadInput, match=said):
        label(server, documents, state=tmp_path / "state")


@pytest.mark.parametrize("place", ["labels", "labels/state", "documents/state"])
def test_a_state_in_a_folder_that_a_run_replaces_or_reads_is_refused(documents, tmp_path, place):
    with served(lambda *_: json_of(GOOD)) as server, pytest.raises(BadInput, match=r"state: .* lies in `.*put`"):
        label(server, documents, state=tmp_path / place)


def test_one_text_is_labelled_without_files(documents):
    with served(lambda *_: json_of(GOOD)) as server:
        own = config(server, documents)
        found = run_on_text(own, "房间很好")
    assert re.fullmatch("label-zh-[0-9a-f]{12}", found.pop("prompt_hash"))
    assert found == {**GOOD, "confidence": None, "model": "stub"}
    assert not (documents.parent / "labels.state").exists()
    with served(lambda *_: "no") as server, pytest.raises(JobError, match=r"cannot be used \(not_json\): 'no'"):
        run_on_text(config(server, documents), "房间很好")


def test_an_answer_that_follows_an_injection_gives_no_label(tmp_path):
    obeying = {text[:2_000]: answer for text, answer in INJECTIONS}
    documents = written(tmp_path, [text for text, _ in INJECTIONS])

    def say(text, body):
        return fill(obeying[text], prompt=body["messages"][0]["content"])

    with served(say) as server:
        result, output = label(server, documents, asking={"min_success": 0})
    assert (result["rows_out"], result["rows_rejected"]) == (0, 40)
    for row in table(output, "rejected", REJECTED):
        assert row["reason"] is not None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"engine": "lexicon"}, "`llm` belongs to engine llm, not to lexicon"),
        ({"llm": None}, "engine llm needs `llm`"),
        ({"llm": {"embedded": {}, "samples": 3}}, "give a `temperature`"),
        ({"llm": {}}, "either `endpoint`"),
        ({"target": "scene"}, "target: expected a field of kind choice or choices, got `scene`"),
        ({"pairs": {"categorised": "{mood}"}}, "{mood} is no field"),
        ({"pairs": {"odd": "(?=x)"}}, "expected a regular expression"),
    ],
)
def test_a_config_that_cannot_work_is_refused(changes, message):
    values = {"input": "documents", "output": "labels", "engine": "llm", "llm": {"embedded": {}}, **changes}
    with pytest.raises(ValueError, match=message.replace("{", r"\{").replace("(", r"\(")):
        Config.model_validate(values)


def test_where_the_server_stands_decides_nothing_and_its_key_is_a_secret():
    def at(host):
        endpoint = {"base_url": f"http://{host}/v1", "model": "glm", "key_variable": "GLM_KEY"}
        return Config.model_validate(
            {"input": "documents", "output": "labels", "engine": "llm", "llm": {"endpoint": endpoint}}
        )

    assert at("a").identity() == at("b").identity()
    assert at("a").needed_secrets() == {"GLM_KEY"}
    assert at("a").needs_network()


def test_a_real_model_on_this_machine_gives_valid_labels(documents, embedded_llm):
    fields = {
        "scene": {"kind": "text", "max_characters": 5},
        "score": {"kind": "number", "min": 0, "max": 100},
        "emotions": {"kind": "choices", "options": ["anger", "joy", "neutral"]},
    }
    endpoint = {"base_url": embedded_llm.base_url, "model": embedded_llm.model, "structured": "gbnf", "concurrency": 1}
    asking = {"endpoint": endpoint, "language": "en", "min_success": 0}
    result, output = label(embedded_llm, documents, asking=asking, fields=fields, sample=3)
    own = config(embedded_llm, documents, fields=fields)
    rows = table(output, "labels", labels(columns(own.fields)))
    assert result["rows_in"] == 3
    assert all(0 <= row["score"] <= 100 and len(row["scene"]) <= 5 and row["emotions"] for row in rows)
    assert not set(result["asked"]["reasons"]) - {"wrong_type: scene", "empty_value: scene"}
