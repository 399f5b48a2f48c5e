"""`hera submit` on Argo, against a stub of argo-server: what is printed, how it waits, its exit codes."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml
from tests.workflows.stub_argo_server import CUT, GATEWAY_TIMEOUT, Failure, StubArgoServer, node, state

from fastnlp_jobs.cli import main
from fastnlp_jobs.runtime.argo import client as argo_client
from fastnlp_jobs.runtime.argo import follow
from fastnlp_jobs.runtime.submit import submit

HERE = Path(__file__).parent
TOKEN = "hunter2-token"  # pragma: allowlist secret
FLOW = """
with Workflow(generate_name="one-", entrypoint="main", arguments=Parameter(name="input", value="a.csv")) as workflow:
    step = python("step", "print(1)")
    with DAG(name="main"):
        step(name="only")
"""
UNSCHEDULABLE = "Unschedulable: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu."


@pytest.fixture
def stub(monkeypatch):
    monkeypatch.setattr(argo_client, "PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr(follow, "RECONNECT_PAUSE_S", 0.001)
    with StubArgoServer(token=TOKEN) as server:
        monkeypatch.setenv("ARGO_SERVER", server.url)
        monkeypatch.setenv("ARGO_TOKEN", TOKEN)
        monkeypatch.setenv("ARGO_NAMESPACE", "argo")
        yield server


@pytest.fixture
def hera_submit(write_flow, stub, capsys, tmp_path):
    """Submit the flow; gives exit code, standard output and standard error."""
    assert stub.requests == []

    def run(*options, body=FLOW):
        exit_code = submit([str(write_flow(body)), *options])
        captured = capsys.readouterr()
        assert TOKEN not in captured.out + captured.err
        assert not (tmp_path / "runs").exists()
        return exit_code, captured.out, captured.err

    return run


def named(*options):
    """Options of a run whose name is known, as the stub's states have it."""
    return "--name", "run-1", *options


def test_a_named_server_is_where_it_runs_and_the_link_is_printed(hera_submit, stub):
    exit_code, out, err = hera_submit()
    (sent,) = stub.sent("POST", "/workflows/argo")
    name = sent.body["workflow"]["metadata"]["name"]
    assert (exit_code, err) == (0, "")
    assert out == f"Workflow {name} created in namespace argo\n{stub.url}workflows/argo/{name}\n"
    assert name.startswith("one-")
    assert len(name) == len("one-") + 5


def test_what_is_sent_is_what_hera_generates_with_a_name(hera_submit, stub):
    hera_submit("-p", "input=b.csv")
    sent = stub.sent("POST", "/workflows/argo")[0].body["workflow"]
    assert sent["spec"]["arguments"] == {"parameters": [{"name": "input", "value": "b.csv"}]}
    assert sent["metadata"].keys() == {"name", "generateName", "namespace", "annotations"}
    assert sent["spec"]["templates"][0]["name"] == "step"


def test_the_option_names_the_namespace_before_the_variable(hera_submit, stub):
    hera_submit("-n", "other")
    assert stub.sent("POST", "/workflows/other")[0].body["workflow"]["metadata"]["namespace"] == "other"


def test_without_a_namespace_it_is_default(hera_submit, stub, monkeypatch):
    monkeypatch.delenv("ARGO_NAMESPACE")
    hera_submit()
    assert stub.sent("POST", "/workflows/default")


@pytest.mark.parametrize("option", ["--wait", "--watch", "--log"])
@pytest.mark.parametrize(("phase", "exit_code"), [("Succeeded", 0), ("Failed", 1), ("Error", 1)])
def test_waiting_ends_with_the_phase(hera_submit, stub, option, phase, exit_code):
    stub.changes = [[state(None), state("Pending"), state("Running"), state(phase)]]
    code, out, _ = hera_submit(*named(option))
    assert code == exit_code
    assert out.splitlines()[-1] == f"run-1: {phase}"


def test_a_watch_goes_on_after_cuts_and_timeouts(hera_submit, stub):
    stub.changes = [
        [GATEWAY_TIMEOUT],
        [state("Running", step=node("Pending")), CUT],
        [state("Running", step=node("Running")), GATEWAY_TIMEOUT],
        [],
        [state("Succeeded", step=node("Succeeded"))],
    ]
    code, out, err = hera_submit(*named("--watch"))
    assert code == 0
    assert err == "step: Pending\nstep: Running\nstep: Succeeded\n"
    assert out.splitlines()[-1] == "run-1: Succeeded"


def test_a_workflow_that_ended_between_two_connections_is_noticed(hera_submit, stub):
    ended = state("Succeeded")
    stub.changes = [[state("Running"), lambda: stub.objects.update({"workflows/argo/run-1": ended})]]
    stub.failures = [Failure("GET", "/run-1", 502, times=2)]
    assert hera_submit(*named("--wait"))[0] == 0


def test_a_step_that_no_node_can_take_is_shown_with_the_reason(hera_submit, stub):
    waiting = state("Running", step=node("Pending", "train", UNSCHEDULABLE))
    stub.changes = [[waiting, waiting, state("Succeeded", step=node("Succeeded", "train"))]]
    _, _, err = hera_submit(*named("--wait"))
    assert err == f"train: Pending, {UNSCHEDULABLE}\n"


def test_a_step_on_four_gpus_is_sent_as_it_is_rendered(stub, monkeypatch):
    monkeypatch.setenv("FASTNLP_SETTINGS", str(HERE / "gpu4.yaml"))
    assert submit([str(HERE / "gpu4.py")]) == 0
    sent = stub.sent("POST", "/workflows/argo")[0].body["workflow"]
    rendered = yaml.safe_load((HERE / "rendered" / "gpu4.yaml").read_text(encoding="utf-8"))
    assert sent["spec"] == rendered["spec"]
    limits = [template["container"]["resources"]["limits"] for template in sent["spec"]["templates"][1:]]
    assert [limit["nvidia.com/gpu"] for limit in limits] == ["4"]


def test_the_end_names_the_steps_that_failed(hera_submit, stub):
    failed = node("Failed", "mine", "main: Error (exit code 2)")
    group = node("Failed", "main", "child failed", kind="DAG")
    stub.changes = [[state("Failed", message="child failed", step=failed, group=group)]]
    _, out, _ = hera_submit(*named("--wait"))
    assert out.endswith("run-1: Failed, child failed\n  mine: Failed, main: Error (exit code 2)\n")


def test_a_try_that_was_made_good_is_not_named_at_the_end(hera_submit, stub):
    stub.changes = [[state("Succeeded", first=node("Failed", "mine(0)"), second=node("Succeeded", "mine(1)"))]]
    assert hera_submit(*named("--wait"))[1].endswith("run-1: Succeeded\n")


def test_logs_are_lines_of_their_pods_each_once_and_without_the_executors_own(hera_submit, stub):
    first, second = ("pod-1", "one"), ("pod-1", "two")
    own = ("pod-1", 'time=2026-01-01T00:00:00Z level=INFO msg="sub-process exited" argo=true error=<nil>')
    logs_read = threading.Event()
    stub.logs = [[first, own, CUT], [first, own, second, ("pod-2", "argo=true"), logs_read.set]]
    stub.changes = [[state("Running"), logs_read, state("Succeeded")]]
    code, out, _ = hera_submit(*named("--log"))
    assert code == 0
    assert out.splitlines()[2:] == ["pod-1: one", "pod-1: two", "pod-2: argo=true", "run-1: Succeeded"]


def test_json_is_the_final_state_as_argo_has_it_and_alone_on_standard_output(hera_submit, stub):
    final = state("Succeeded", step={**node("Succeeded"), "outputs": {"exitCode": "0"}})
    stub.changes = [[state("Running"), final]]
    stub.logs = [[("pod-1", "one")]]
    code, out, err = hera_submit(*named("--log", "-o", "json"))
    assert code == 0
    assert json.loads(out) == final
    assert "pod-1: one\n" in err
    assert "run-1: Succeeded\n" in err


def test_the_name_alone_is_for_scripts(hera_submit):
    assert hera_submit(*named("-o", "name"))[1] == "run-1\n"


def test_yaml_without_waiting_is_what_was_created(hera_submit, stub):
    _, out, _ = hera_submit(*named("-o", "yaml"))
    assert yaml.safe_load(out) == stub.objects["workflows/argo/run-1"]


def test_lint_comes_first_and_a_mistake_stops_there(hera_submit, stub):
    stub.failures = [Failure("POST", "/lint", 500, "templates.main.tasks.only: template `x` undefined")]
    code, _, err = hera_submit("--lint")
    assert code == 2
    assert err == "error: the Argo server finds a mistake: templates.main.tasks.only: template `x` undefined\n"
    assert stub.objects == {}


def test_a_good_lint_is_followed_by_the_create(hera_submit, stub):
    hera_submit("--lint")
    assert [request.path for request in stub.requests] == ["/api/v1/workflows/argo/lint", "/api/v1/workflows/argo"]


def test_a_server_dry_run_prints_what_the_server_made_of_it(hera_submit, stub):
    code, out, _ = hera_submit(*named("--server-dry-run"))
    assert code == 0
    assert yaml.safe_load(out)["metadata"]["name"] == "run-1"
    assert stub.objects == {}


def test_a_dry_run_asks_no_server(hera_submit, stub):
    _, out, _ = hera_submit("--dry-run", "-p", "input=b.csv")
    assert yaml.safe_load(out)["spec"]["arguments"]["parameters"][0]["value"] == "b.csv"
    assert stub.requests == []


@pytest.mark.parametrize(
    ("status", "exit_code", "words"),
    [
        (400, 2, "the Argo server answers 400: why"),
        (401, 4, "does not accept the token"),
        (403, 4, "lacks the right"),
        (503, 3, "gave no answer after 3 tries: 503 why"),
    ],
)
def test_each_refusal_has_its_exit_code_and_one_line(hera_submit, stub, status, exit_code, words):
    stub.failures = [Failure("POST", "/argo", status, "why", times=9)]
    code, _, err = hera_submit()
    assert code == exit_code
    assert words in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith("error: cannot create the Workflow `one-")


def test_a_name_that_is_taken_has_exit_code_2(hera_submit):
    assert hera_submit(*named())[0] == 0
    code, _, err = hera_submit(*named())
    assert code == 2
    assert "holds a Workflow `run-1` already" in err


def test_a_server_lost_for_good_while_waiting_leaves_the_ways_back(hera_submit, stub):
    stub.failures = [Failure("GET", "/run-1", 503, times=9)]
    code, _, err = hera_submit(*named("--wait"))
    assert code == 3
    assert "  come back: fastnlp watch run-1 -n argo\n  stop it:   fastnlp stop run-1 -n argo\n" in err


def test_a_template_is_stored_and_cannot_be_waited_for(hera_submit, stub):
    body = FLOW.replace('Workflow(generate_name="one-"', 'WorkflowTemplate(name="kept"')
    assert hera_submit(body=body)[:2] == (0, "WorkflowTemplate kept created in namespace argo\n")
    assert "workflow-templates/argo/kept" in stub.objects
    code, _, err = hera_submit("--wait", body=body)
    assert code == 2
    assert "a WorkflowTemplate is only stored, it does not run" in err


def test_a_cron_workflow_takes_parameters_one_level_deeper(hera_submit, stub):
    body = FLOW.replace('Workflow(generate_name="one-"', 'CronWorkflow(name="nightly", schedules=["0 3 * * *"]')
    assert hera_submit("-p", "input=b.csv", body=body)[0] == 0
    spec = stub.objects["cron-workflows/argo/nightly"]["spec"]["workflowSpec"]
    assert spec["arguments"]["parameters"] == [{"name": "input", "value": "b.csv"}]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_detaches_and_says_how_to_come_back_or_stop(write_flow, stub, number, exit_code):
    never = threading.Event()
    stub.changes = [[state("Running", step=node("Running")), never]]
    stub.logs = [[("pod-1", "one"), never]]
    command = [sys.executable, "-m", "fastnlp_jobs", "submit", str(write_flow(FLOW)), *named("--watch", "--log")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "step: Running\n"
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    never.set()
    assert process.returncode == exit_code
    assert err.splitlines() == [
        "the workflow goes on without this command",
        "  come back: fastnlp watch run-1 -n argo",
        "  stop it:   fastnlp stop run-1 -n argo",
    ]
    assert not stub.sent("PUT", "stop")


@pytest.mark.parametrize(("option", "verb"), [([], "stop"), (["--now"], "terminate")])
def test_a_workflow_can_be_stopped_later(stub, capsys, option, verb):
    assert main(["stop", "run-1", *option]) == 0
    assert [request.path for request in stub.requests] == [f"/api/v1/workflows/argo/run-1/{verb}"]
    assert capsys.readouterr().out == "run-1 in namespace argo was asked to stop\n"


def test_a_workflow_can_be_watched_later(stub, capsys):
    stub.objects["workflows/argo/run-1"] = state("Failed", step=node("Failed", message="main: Error (exit code 1)"))
    assert main(["watch", "run-1", "-o", "name"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "run-1\n"
    assert captured.err.splitlines()[0] == "step: Failed, main: Error (exit code 1)"


def test_run_dir_has_no_meaning_on_argo(hera_submit):
    code, _, err = hera_submit("--run-dir", "here")
    assert code == 2
    assert err == "error: --run-dir: no meaning with --on argo, only with docker and local; leave it out\n"


def test_what_argo_would_get_is_printed_without_a_server(hera_submit, monkeypatch):
    monkeypatch.delenv("ARGO_SERVER")
    code, out, err = hera_submit("--on", "argo", "--dry-run")
    assert (code, err) == (0, "")
    assert "kind: Workflow" in out


def test_on_argo_without_a_server_is_refused(hera_submit, monkeypatch):
    monkeypatch.delenv("ARGO_SERVER")
    code, _, err = hera_submit("--on", "argo")
    assert code == 2
    assert err == "error: --on argo: no Argo server is named; set ARGO_SERVER or give --argo-server HOST:PORT\n"


def test_on_local_goes_before_a_named_server(write_flow, stub):
    assert submit([str(write_flow(FLOW)), "--on", "local"]) == 0
    assert stub.requests == []


@pytest.mark.usefixtures("stub")
def test_the_token_is_in_no_file_of_a_run(write_flow, tmp_path):
    assert submit([str(write_flow(FLOW)), "--on", "local"]) == 0
    files = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]
