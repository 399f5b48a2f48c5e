"""The client against a stub of argo-server: what is sent, what is tried again, what each refusal becomes."""

import socket
import subprocess
import threading

import pytest
from tests.workflows.stub_argo_server import CUT, GATEWAY_TIMEOUT, Failure, StubArgoServer, state

from fastnlp_jobs.errors import BadInput, JobError, Refused, Unavailable
from fastnlp_jobs.runtime.argo import client as argo_client
from fastnlp_jobs.runtime.argo.client import SUBMISSION, ArgoClient
from fastnlp_jobs.runtime.argo.server import named_server

TOKEN = "hunter2-token"  # pragma: allowlist secret


@pytest.fixture
def stub():
    with StubArgoServer(token=TOKEN) as server:
        yield server


def client(stub, *, tries=3, read_timeout_s=None, token=TOKEN, address=None, **options):
    server = named_server({"ARGO_SERVER": address or stub.url, "ARGO_TOKEN": token}, **options)
    assert server is not None
    return ArgoClient(server, pauses_s=(0.0,) * (tries - 1), read_timeout_s=read_timeout_s)


def workflow(name="run-1", submission="a", kind="Workflow"):
    return {"kind": kind, "metadata": {"name": name, "annotations": {SUBMISSION: submission}}, "spec": {}}


@pytest.mark.parametrize(
    ("kind", "path", "key"),
    [
        ("Workflow", "/api/v1/workflows/argo", "workflow"),
        ("WorkflowTemplate", "/api/v1/workflow-templates/argo", "template"),
        ("CronWorkflow", "/api/v1/cron-workflows/argo", "cronWorkflow"),
    ],
)
def test_each_kind_is_created_where_the_server_keeps_it(stub, kind, path, key):
    client(stub).create("argo", workflow(kind=kind))
    (sent,) = stub.requests
    assert (sent.method, sent.path, sent.body) == ("POST", path, {key: workflow(kind=kind)})
    assert sent.authorization == f"Bearer {TOKEN}"


def test_a_base_path_stands_before_the_api():
    with StubArgoServer(base="/argo/") as stub:
        client(stub).create("ns", workflow())
        assert stub.requests[0].path == "/argo/api/v1/workflows/ns"


def test_a_dry_run_says_so_to_the_server(stub):
    client(stub).create("argo", workflow(), dry_run=True)
    assert stub.requests[0].body["serverDryRun"] is True
    assert stub.objects == {}


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 0])
def test_a_failure_for_now_is_tried_again(stub, status):
    stub.failures.append(Failure("POST", "/argo", status, times=2, html=status == 504))
    assert client(stub).create("argo", workflow())["metadata"]["name"] == "run-1"
    assert len(stub.requests) == 3


def test_after_the_last_try_the_reason_is_told(stub, capsys):
    stub.failures.append(Failure("GET", "/run-1", 503, "no upstream", times=9))
    with pytest.raises(Unavailable, match="gave no answer after 3 tries: 503 no upstream"):
        client(stub).get("argo", "run-1")
    assert capsys.readouterr().err.count("trying again in 0 s") == 2


def test_a_refused_connection_is_unavailable_and_named_in_words():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Unavailable, match=r"after 3 tries: Connection refused"):
            client(None, address=address).get("argo", "run-1")


def test_a_server_that_never_answers_is_unavailable(stub):
    stub.answer_slowly = threading.Event()
    with pytest.raises(Unavailable, match="after 2 tries"):
        client(stub, tries=2, read_timeout_s=0.05).get("argo", "run-1")


def test_a_create_whose_answer_was_lost_makes_no_second_workflow(stub):
    stub.failures.append(Failure("POST", "/argo", 0, acts=True))
    assert client(stub).create("argo", workflow()) == workflow()
    assert [request.method for request in stub.requests] == ["POST", "POST", "GET"]
    assert len(stub.objects) == 1


def test_a_name_that_is_taken_is_refused_with_the_cure(stub):
    stub.objects["workflows/argo/run-1"] = workflow(submission="of somebody else")
    with pytest.raises(BadInput, match=r"holds a Workflow `run-1` already; .*--generate-name run-1-"):
        client(stub).create("argo", workflow())


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (400, BadInput, "cannot create the Workflow `run-1` in namespace argo: the Argo server answers 400: why"),
        (404, BadInput, "the Argo server answers 404: why"),
        (403, Refused, "the token lacks the right; ask for the Role of docs/cluster.md: why"),
        (401, Refused, "the Argo server does not accept the token; renew ARGO_TOKEN: why"),
    ],
)
def test_a_final_refusal_is_not_tried_again(stub, status, error, words):
    stub.failures.append(Failure("POST", "/argo", status, "why", times=9))
    with pytest.raises(error, match=words):
        client(stub).create("argo", workflow())
    assert len(stub.requests) == 1


def test_without_a_token_the_cure_is_to_set_one(stub):
    with pytest.raises(Refused, match=r"set ARGO_TOKEN \(`argo auth token` prints it\)"):
        client(stub, token="").get("argo", "run-1")


def test_a_token_that_the_server_repeats_is_not_printed(stub):
    wrong = "a-wrong-token"
    with pytest.raises(Refused, match=r"Bearer \*\*\*") as refused:
        client(stub, token=wrong).get("argo", "run-1")
    assert wrong not in str(refused.value)


def test_a_netrc_file_does_not_take_the_place_of_the_token(stub, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    client(stub).create("argo", workflow())
    assert stub.requests[0].authorization == f"Bearer {TOKEN}"


@pytest.mark.parametrize("status", [400, 500])
def test_what_lint_finds_is_the_users_error_be_it_400_or_500(stub, status):
    stub.failures.append(Failure("POST", "/lint", status, "templates.main: no such field", times=9))
    with pytest.raises(BadInput, match=r"templates\.main: no such field"):
        client(stub).lint("argo", workflow())
    assert len(stub.requests) == 1


def test_a_page_instead_of_json_is_no_argo_server(stub):
    stub.base = "/elsewhere/"
    with pytest.raises(BadInput, match=r"expected JSON, got text/html; .*ARGO_BASE_HREF"):
        client(stub, address=f"http://127.0.0.1:{stub.port}").get("argo", "run-1")


@pytest.mark.parametrize(("at_once", "verb"), [(False, "stop"), (True, "terminate")])
def test_a_workflow_is_stopped_or_ended(stub, at_once, verb):
    client(stub).stop("argo", "run-1", at_once=at_once)
    assert stub.requests[0].path == f"/api/v1/workflows/argo/run-1/{verb}"


def test_events_are_the_states_of_one_workflow(stub):
    stub.changes = [[state("Running"), state("Succeeded")]]
    phases = [change["status"]["phase"] for change in client(stub).events("argo", "run-1")]
    assert phases == ["Running", "Succeeded"]
    assert stub.requests[0].query == {"listOptions.fieldSelector": ["metadata.name=run-1"]}


@pytest.mark.parametrize("ending", [CUT, GATEWAY_TIMEOUT, {"error": {"http_code": 504, "message": "timeout"}}])
def test_events_end_quietly_when_the_connection_does(stub, ending):
    stub.changes = [[state("Running"), ending]]
    assert len(list(client(stub).events("argo", "run-1"))) == 1


def test_events_that_begin_with_a_504_are_none(stub):
    stub.changes = [[GATEWAY_TIMEOUT]]
    assert list(client(stub).events("argo", "run-1")) == []


def test_a_stream_that_stays_silent_ends(stub):
    silent = threading.Event()
    stub.changes = [[state("Running"), silent]]
    assert len(list(client(stub, read_timeout_s=0.05).events("argo", "run-1"))) == 1
    silent.set()


def test_a_deleted_workflow_ends_the_watch_with_an_error(stub):
    stub.changes = [[{"type": "DELETED", "object": state("Running")}]]
    with pytest.raises(JobError, match="`run-1` was deleted while it was watched"):
        list(client(stub).events("argo", "run-1"))


def test_logs_are_asked_for_the_main_container_and_followed(stub):
    stub.logs = [[("pod-1", "你好"), ("pod-2", "b")]]
    assert list(client(stub).logs("argo", "run-1")) == [("pod-1", "你好"), ("pod-2", "b")]
    query = stub.requests[0].query
    assert query == {"logOptions.container": ["main"], "logOptions.follow": ["true"]}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory, require):
    """A self-signed certificate for 127.0.0.1, made by the program `openssl`."""
    openssl = require("openssl")
    folder = tmp_path_factory.mktemp("tls")
    files = folder / "certificate.pem", folder / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=stub", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run([*command, "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return files


@pytest.fixture
def tls_stub(certificate):
    with StubArgoServer(certificate=certificate) as server:
        yield server


def test_a_self_signed_certificate_is_refused_with_both_cures(tls_stub):
    with pytest.raises(BadInput, match=r"not trusted .*--certificate-authority FILE.*--insecure-skip-verify"):
        client(tls_stub).create("argo", workflow())
    assert tls_stub.requests == []


def test_a_certificate_authority_makes_it_trusted(tls_stub, certificate):
    client(tls_stub, certificate_authority=certificate[0]).create("argo", workflow())


@pytest.mark.parametrize("bundle", [None, "/absent/bundle.pem"])
def test_any_certificate_is_taken_where_that_is_asked_for(tls_stub, monkeypatch, bundle):
    if bundle:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
    client(tls_stub, insecure=True).create("argo", workflow())


def test_a_server_without_tls_is_named_as_such(stub):
    with pytest.raises(BadInput, match=r"the server speaks no TLS; set ARGO_SECURE=false"):
        client(stub, address=f"127.0.0.1:{stub.port}").get("argo", "run-1")


def test_the_pauses_between_tries_grow():
    assert list(argo_client.PAUSES_S) == sorted(set(argo_client.PAUSES_S))
