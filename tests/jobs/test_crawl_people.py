"""crawl writes no name: keyed pseudonyms, masked mentions, the key apart from the data."""

import hashlib
import hmac
import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnlp_jobs.cli import main
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.crawl import Config
from fastnlp_jobs.jobs.crawl.pseudonyms import PUBLIC_EXAMPLE_KEY, pseudonymizer

KEY = "a key only for this test"
NAMES = ["张三丰与太极", "alice_wonder", "Bob.Builder99", "carol-secret"]
DOUYIN = "userName,userAddress,date,comments,likeNuns\n" + "".join(
    f"{name},IP属地：北京,2023-01-02,回复@{NAMES[at - 1]}：你好 @{name} ,3\n" for at, name in enumerate(NAMES)
)
BROKEN = f'{NAMES[0]},only two\n"{NAMES[1]},never,closed\n{NAMES[2]},a,b,   ,\n{NAMES[3]},a,b,\0@{NAMES[0]},\n'


def every_byte(folder: Path) -> bytes:
    return b"\n".join(path.name.encode() + path.read_bytes() for path in folder.rglob("*") if path.is_file())


def settings(folder: Path, **values: object) -> list[str]:
    pairs = {"input": folder / "in" / "7123.csv", "output": folder / "runs" / "out", "mapping": "douyin", **values}
    return ["crawl", *(word for key, value in pairs.items() for word in ("--set", f"{key}={value}"))]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("FASTNLP_PSEUDONYM_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("fastnlp_jobs.processes.stop_on_signals", lambda: None)  # pytest keeps its own
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "7123.csv").write_text(DOUYIN, encoding="utf-8")
    return tmp_path


def test_no_name_is_written_anywhere(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "in" / "7123.csv").write_text(DOUYIN + BROKEN, encoding="utf-8")
    assert main(settings(folder)) == 0
    printed = capfd.readouterr()
    written = every_byte(folder / "runs") + printed.out.encode() + printed.err.encode()
    assert [name for name in NAMES if name.encode() in written] == []
    assert json.loads(printed.out)["result"]["rows_rejected"] == 4


def test_mentions_become_a_mask_and_are_counted(crawl: Any) -> None:
    mapping = {"columns": {"text": "t"}, "keep": ["reply"]}
    run = crawl("a.csv", "t,reply\n回复@张三：好 me@home.org,@李四\n无,\n", mapping=mapping)
    assert run.column("text") == ["回复<mention>：好 me@home.org", "无"]
    assert run.column("x_reply") == ["<mention>", ""]
    assert run.result["mentions_masked"] == 2


def test_a_pseudonym_is_the_documented_hmac_under_the_key_of_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch, crawl: Any
) -> None:
    monkeypatch.setenv("FASTNLP_PSEUDONYM_KEY", KEY)
    assert main(settings(folder)) == 0
    run = crawl("7123.csv", mapping="douyin", public_example_key=False, pseudonym_key=KEY, output=folder / "runs/out")
    expected = [hmac.new(KEY.encode(), name.encode(), hashlib.sha256).hexdigest()[:32] for name in NAMES]
    assert run.state == "up to date"
    assert run.column("author") == expected
    assert not (folder / "home").exists()


@given(st.text(min_size=1, max_size=80), st.text(max_size=40))
def test_pseudonyms_are_hmac_sha256_for_any_key_and_name(key: str, name: str) -> None:
    expected = hmac.new(key.encode(), name.encode(), hashlib.sha256).hexdigest()[:32]
    assert pseudonymizer(key)(name) == expected


def test_the_key_file_is_made_once_for_this_user_only_and_said(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(settings(folder)) == 0
    key_file = folder / "home/.config/fastnlp/pseudonym.key"
    assert f'"file": "{key_file}"' in capfd.readouterr().err
    if sys.platform != "win32":
        assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert [path.name for path in key_file.parent.iterdir()] == ["pseudonym.key"]
    key = key_file.read_text(encoding="utf-8")
    assert main(settings(folder)) == 0
    assert "made a pseudonym key" not in capfd.readouterr().err
    assert key_file.read_text(encoding="utf-8") == key
    assert key.strip().encode() not in every_byte(folder / "runs")


def test_a_container_makes_no_key(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FASTNLP_CONTAINER", "1")
    assert main(settings(folder)) == 2
    assert "FASTNLP_PSEUDONYM_KEY is not set, and a key made in a container would vanish" in capfd.readouterr().err
    assert not (folder / "home").exists()


def test_the_log_says_that_the_public_key_protects_nobody(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(settings(folder, public_example_key="true")) == 0
    assert "made with the public example key: they protect nobody" in capfd.readouterr().err


def test_a_dry_run_does_not_print_a_constant_author(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mapping = "{columns: {text: comments}, constants: {author: 张伟}}"
    assert main([*settings(folder, mapping=mapping), "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert '"author": "<author>"' in shown
    assert "张伟" not in shown


def test_a_dry_run_makes_no_key(folder: Path) -> None:
    assert main([*settings(folder), "--dry-run"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["in"]


def test_without_authors_no_key_is_made(folder: Path) -> None:
    (folder / "in" / "7123.csv").write_text("review,label\n好,1\n", encoding="utf-8")
    assert main(settings(folder, mapping="reviews")) == 0
    assert not (folder / "home").exists()


def test_another_key_is_another_run(crawl: Any) -> None:
    run = crawl("7123.csv", DOUYIN, mapping="douyin")
    with pytest.raises(BadInput, match="came from another config"):
        crawl("7123.csv", mapping="douyin", public_example_key=False, pseudonym_key=KEY)
    lineage = json.loads((run.output / "lineage.json").read_text(encoding="utf-8"))
    assert lineage["config"]["pseudonym_key"] == "public example"
    assert PUBLIC_EXAMPLE_KEY not in json.dumps(lineage)


def test_a_constant_author_is_written_as_a_pseudonym_only(crawl: Any, tmp_path: Path) -> None:
    mapping = {"base": "chat", "constants": {"author": NAMES[1]}}
    run = crawl("chat.csv", "published_datetime,message\n2021-11-04 19:17:12,Bonsoir\n", mapping=mapping)
    assert len(run.column("author")[0]) == 32
    assert NAMES[1].encode() not in every_byte(tmp_path / "out") + every_byte(tmp_path / "out.run")


@pytest.mark.parametrize("place", ["in/pseudonym.key", "runs/out/pseudonym.key"])
def test_a_key_file_among_the_data_is_refused(folder: Path, place: str, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = settings(folder, input=folder / "in", pseudonym_key_file=folder / place)
    assert main(arguments) == 2
    field = "input" if place.startswith("in/") else "output"
    assert f"lies in {field}; keep the key apart from the data" in capfd.readouterr().err
    assert not (folder / place).exists()


def test_a_short_key_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FASTNLP_PSEUDONYM_KEY", "short")
    assert main(settings(folder)) == 2
    assert (
        "error: FASTNLP_PSEUDONYM_KEY: expected at least 16 characters, got 5; use a longer key"
        in capfd.readouterr().err
    )


def test_a_place_where_no_key_file_can_be_made_is_named(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "home").write_text("a file where a folder should be", encoding="utf-8")
    assert main(settings(folder)) == 2
    assert "set FASTNLP_PSEUDONYM_KEY or another path" in capfd.readouterr().err


def test_a_user_without_home_is_told_what_to_set(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(settings(folder, pseudonym_key_file="~nobody-of-this-name/key")) == 2
    assert "this user has no home folder; set FASTNLP_PSEUDONYM_KEY or another path" in capfd.readouterr().err


def test_keeping_the_author_column_is_refused() -> None:
    mapping = {"base": "douyin", "keep": ["userName"]}
    with pytest.raises(ValueError, match="`keep` would write the raw names of the author column `userName`"):
        Config.model_validate({"input": "a.csv", "output": "out", "mapping": mapping})
