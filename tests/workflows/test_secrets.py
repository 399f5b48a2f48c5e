"""Secrets reach the steps that name them, and no file, rendered workflow or message ever holds a value."""

import hashlib
import hmac
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from fastnlp_jobs.runtime.submit import submit

ROOT = Path(__file__).parents[2]
PLANTED = "a planted secret value, 17 Zeichen"
DIGEST = hashlib.sha256(PLANTED.encode()).hexdigest()
FLOW = """
CODE = "import hashlib, os; print(hashlib.sha256(os.environ['API_TOKEN'].encode()).hexdigest())"
with Workflow(generate_name="flow-", entrypoint="main") as flow, DAG(name="main"):
    python("tell", CODE, env=[SecretEnv(name="API_TOKEN", secret_name="any", secret_key="token"{more})])()
"""
OPTIONAL = FLOW.replace("['API_TOKEN']", ".get('API_TOKEN', '')").replace("{more}", ", optional=True")
SETTINGS = "steps:\n  crawl:\n    mapping: douyin\n"
COMMENTS = "userName,userAddress,date,comments,likeNuns\n张三丰与太极,北京,2023-01-02,你好,3\n"


def every_byte(folder):
    return b"\n".join(str(path).encode() + path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def crawl_flow(tmp_path, monkeypatch):
    """Submit the full workflow with only `crawl` on, for a user whose home is empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FASTNLP_SETTINGS", "")  # restored after the test, which sets it
    monkeypatch.delenv("FASTNLP_PSEUDONYM_KEY", raising=False)
    Path("mine.yaml").write_text(SETTINGS, encoding="utf-8")
    Path("comments.csv").write_text(COMMENTS, encoding="utf-8")

    def run():
        return submit([str(ROOT / "workflows" / "full.py"), "--settings", "mine.yaml", "-p", "input=comments.csv"])

    return run


def author(folder):
    return pq.read_table(folder / "runs/latest/artifacts/crawl/comments/comments.parquet")["author"].to_pylist()


def pseudonym(key):
    return hmac.new(key.encode(), "张三丰与太极".encode(), hashlib.sha256).hexdigest()[:32]


def test_a_step_gets_the_variable_it_names_and_no_file_holds_the_value(run_flow, tmp_path, monkeypatch):
    monkeypatch.setenv("API_TOKEN", PLANTED)
    run = run_flow(FLOW.replace("{more}", ""))
    assert (run.exit_code, run.stdout("tell")) == (0, f"{DIGEST}\n")
    assert PLANTED.encode() not in every_byte(tmp_path / "runs") + run.out.encode() + run.err.encode()


def test_a_secret_that_is_not_set_is_refused_before_anything_starts(run_flow, monkeypatch):
    monkeypatch.delenv("API_TOKEN", raising=False)
    run = run_flow(FLOW.replace("{more}", ""))
    reason = "the workflow passes secrets to its steps; set the environment variable API_TOKEN"
    assert (run.exit_code, run.err, run.folder.exists()) == (2, f"error: {reason}\n", False)


def test_an_optional_secret_may_be_missing(run_flow, monkeypatch):
    monkeypatch.delenv("API_TOKEN", raising=False)
    assert run_flow(OPTIONAL).exit_code == 0


def test_the_pseudonym_key_of_the_submitter_is_used_and_stands_in_no_file(crawl_flow, tmp_path, monkeypatch):
    monkeypatch.setenv("FASTNLP_PSEUDONYM_KEY", PLANTED)
    assert crawl_flow() == 0
    assert author(tmp_path) == [pseudonym(PLANTED)]
    assert PLANTED.encode() not in every_byte(tmp_path)


def test_a_key_too_short_to_protect_anyone_is_refused_before_anything_starts(crawl_flow, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FASTNLP_PSEUDONYM_KEY", "short")
    assert crawl_flow() == 2
    assert "error: FASTNLP_PSEUDONYM_KEY: expected at least 16 characters, got 5" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_without_the_variable_submit_makes_the_key_and_the_step_gets_it(crawl_flow, tmp_path):
    assert crawl_flow() == 0
    key = (tmp_path / "home/.config/fastnlp/pseudonym.key").read_text(encoding="utf-8").strip()
    assert author(tmp_path) == [pseudonym(key)]
    assert key.encode() not in every_byte(tmp_path / "runs")


def test_a_secret_that_no_step_reads_is_refused(crawl_flow, capsys):
    Path("mine.yaml").write_text("secrets: {FASTNLP_PSEUDONYM_KEX: }\n" + SETTINGS, encoding="utf-8")
    assert crawl_flow() == 2
    expected = "mine.yaml:1: unknown secret `FASTNLP_PSEUDONYM_KEX`; did you mean `FASTNLP_PSEUDONYM_KEY`?"
    assert capsys.readouterr().err == f"error: {expected}\n"
