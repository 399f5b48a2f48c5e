"""`fastnlp serve`: it says where it listens, serves until it is stopped, and stops whole."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import pytest
from openai import OpenAI
from tests.llm.gone import wait_until_gone

from fastnlp_jobs.config import load_config
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.execution import plan
from fastnlp_jobs.job import step_names
from fastnlp_jobs.jobs.serve import Config

QUESTION = [{"role": "user", "content": "Hello!"}]
# What vLLM is to us: a program that listens where it is told, is healthy at some time, and has children.
STUB_VLLM = """\
#!{python}
import http.server, json, os, subprocess, sys

model, arguments = sys.argv[2], sys.argv[3:]
if model == "broken":
    sys.exit("ValueError: no such model")
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])

class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self):
        Handler.asked += 1
        told = json.dumps({{"arguments": sys.argv[1:], "child": child.pid}}).encode()
        self.send_response(503 if Handler.asked < 3 else 200)
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_):
        pass

where = dict(zip(arguments[0::2], arguments[1::2]))
http.server.ThreadingHTTPServer((where["--host"], int(where["--port"])), Handler).serve_forever()
"""


@contextmanager
def serving(folder, *settings, **variables):
    """A started `fastnlp serve` and the URL it tells."""
    words = [word for value in (f"run_folder={folder / 'run'}", *settings) for word in ("--set", value)]
    command = [sys.executable, "-m", "fastnlp_jobs", "serve", *words]
    environment = {**os.environ, **variables}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process, serving_url(process)
        finally:
            process.kill()


def serving_url(process):
    lines = []
    for line in process.stderr:
        lines.append(line)
        if '"serving"' in line:
            return json.loads(line)["url"]
    raise AssertionError("".join(lines))


def get(url, path, **headers):
    """Status, body and headers of an answer."""
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()), answer.headers


def free_port():
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return server.getsockname()[1]


def chat(client, **options):
    return client.chat.completions.create(messages=QUESTION, max_tokens=8, temperature=0, **options)


def stop(process, number=signal.SIGTERM):
    """Its exit code and how many seconds it took."""
    asked = time.monotonic()
    process.send_signal(number)
    return process.wait(timeout=60), time.monotonic() - asked


@pytest.fixture(scope="module")
def embedded(require, tmp_path_factory):
    """A `fastnlp serve` with the embedded model and two slots."""
    require("embedded-llm")
    folder = tmp_path_factory.mktemp("serve")
    with serving(folder, "port=0", "llamacpp.slots=2") as (_, url):
        yield folder, url


def test_it_is_healthy_once_it_says_that_it_serves(embedded):
    _, url = embedded
    assert get(url, "/health")[:2] == (200, {"status": "ok"})


def test_it_lists_its_model_and_answers_in_whole_and_in_pieces(embedded):
    _, url = embedded
    with OpenAI(base_url=url, api_key="none is asked for", max_retries=0, timeout=300) as client:
        (model,) = client.models.list()
        whole = chat(client, model=model.id).choices[0].message.content
        chunks = [chunk.choices[0].delta.content or "" for chunk in chat(client, model=model.id, stream=True)]
    assert model.id == "SmolLM2-135M-Instruct.Q4_1"
    assert whole == "".join(chunks)
    assert len(chunks) > 3


def test_a_web_page_of_somebody_else_may_not_read_its_answers(embedded):
    _, url = embedded
    assert "Access-Control-Allow-Origin" not in get(url, "/v1/models", Origin="https://page.example")[2]


def test_two_servers_do_not_share_a_run_folder(embedded):
    folder, _ = embedded
    command = [sys.executable, "-m", "fastnlp_jobs", "serve", "--set", f"run_folder={folder / 'run'}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert answer.returncode == 2
    assert answer.stderr == (
        f"error: run_folder: another run is writing {folder / 'run'}; wait for it or choose another run_folder\n"
    )


def test_a_port_that_is_taken_ends_with_2(embedded, tmp_path):
    _, url = embedded
    port = urlsplit(url).port
    command = [sys.executable, "-m", "fastnlp_jobs", "serve", "--set", f"port={port}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path)
    assert answer.returncode == 2
    assert (
        f"error: port: 127.0.0.1:{port} is taken or not to be had; choose another port, or a host of this machine\n"
        in answer.stderr
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_sigterm_ends_it_within_two_seconds_with_143_and_leaves_its_record(require, tmp_path):
    require("embedded-llm")
    with serving(tmp_path, "port=0") as (process, url):
        code, seconds = stop(process)
    assert (code, seconds < 2) == (143, True)
    with pytest.raises(ConnectionRefusedError):
        get(url, "/health")
    assert json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["job"] == "serve"
    logged = (tmp_path / "run" / "logs" / "serve.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["event"] for line in logged] == ["started", "serving", "stopped"]


@pytest.fixture
def vllm(tmp_path):
    """PATH with a program of this name."""
    program = tmp_path / "bin" / "vllm"
    program.parent.mkdir()
    program.write_text(STUB_VLLM.format(python=sys.executable), encoding="utf-8")
    program.chmod(0o755)
    return f"{program.parent}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.skipif(sys.platform == "win32", reason="a script with #! is no program there")
def test_vllm_is_started_with_its_arguments_waited_for_and_ended_with_its_children(vllm, tmp_path):
    port = free_port()
    settings = ("engine=vllm", "model=glm", f"port={port}", "vllm.arguments=[--dtype, a b; c]")
    with serving(tmp_path, *settings, PATH=vllm) as (process, url):
        assert url == f"http://127.0.0.1:{port}/v1"
        status, told, _ = get(url, "/health")
        code, seconds = stop(process)
    where = ["--host", "127.0.0.1", "--port", str(port)]
    assert (status, told["arguments"]) == (200, ["serve", "glm", *where, "--dtype", "a b; c"])
    assert (code, seconds < 2) == (143, True)
    wait_until_gone(told["child"])


@pytest.mark.skipif(sys.platform == "win32", reason="a script with #! is no program there")
def test_what_vllm_wrote_last_is_shown_when_it_ends(vllm, tmp_path):
    command = [sys.executable, "-m", "fastnlp_jobs", "serve", "--set", "engine=vllm", "--set", "model=broken"]
    environment = {**os.environ, "PATH": vllm}
    answer = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path, env=environment
    )
    assert answer.returncode == 1
    assert "ended with exit code 1; it wrote last:\n  ValueError: no such model\n" in answer.stderr


def refusal(*settings):
    with pytest.raises(BadInput) as caught:
        plan("serve", load_config(Config, None, list(settings)))
    return str(caught.value)


def test_a_machine_without_vllm_says_so_before_anything_starts(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert refusal("engine=vllm", "model=glm").startswith("engine: vllm needs the program `vllm` on PATH")


@pytest.mark.parametrize(
    ("arguments", "instead"),
    [
        ("[--api-key=hush]", "--api-key does not belong there: set the environment variable VLLM_API_KEY"),
        ("[--api_key=hush]", "--api-key does not belong there: set the environment variable VLLM_API_KEY"),
        ("[--api-k=hush]", "--api-key does not belong there: set the environment variable VLLM_API_KEY"),
        ("[--api-key, hush]", "--api-key does not belong there: set the environment variable VLLM_API_KEY"),
        ("[--port, '80']", "--port does not belong there: set `port`"),
    ],
)
def test_words_that_the_config_or_the_environment_says_are_refused_without_their_value(arguments, instead):
    assert refusal(f"vllm.arguments={arguments}") == f"config: config: vllm.arguments: {instead}"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (['model=""'], "config: model: String should have at least 1 character, got ''"),
        (["engine=vllm"], "config: config: engine: vllm needs `model`, a folder or the name of a model"),
        (["engine=vllm", "model=glm", "port=0"], "config: config: engine: vllm needs a `port` other than 0"),
    ],
)
def test_vllm_is_told_what_and_where(settings, message):
    assert refusal(*settings) == message


def test_a_server_is_no_step_of_a_workflow():
    assert "serve" not in step_names()
