"""Requests to an argo-server: what is tried again, what each refusal means, and its streams of lines.

The token goes into one header and nowhere else.
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NoReturn

import requests
import urllib3
from requests.auth import AuthBase

from fastnlp_jobs.errors import BadInput, JobError, Refused, Unavailable
from fastnlp_jobs.runtime.argo.server import Server

Manifest = dict[str, Any]
SUBMISSION = "fastnlp/submission"  # an annotation: tells a workflow of ours from another of the same name
FINAL_PHASES = ("Succeeded", "Failed", "Error")

PAUSES_S = (1.0, 2.0, 4.0, 8.0)  # between the tries of one request
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 10.0, 60.0  # a watch is silent for as long as nothing happens; it is opened again
_LOG_TIMEOUT_S = 600.0  # for logs that is dear: they begin at the first line again
_FOR_NOW = {429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Kind:
    """Where objects of a kind are created, and under which key they travel."""

    path: str
    key: str


KINDS = {
    "Workflow": Kind("workflows", "workflow"),
    "WorkflowTemplate": Kind("workflow-templates", "template"),
    "CronWorkflow": Kind("cron-workflows", "cronWorkflow"),
}


class _Authorization(AuthBase):
    """The header; as an `auth` object, so that a ~/.netrc cannot put another in its place."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._value is not None:
            request.headers["Authorization"] = self._value
        return request


class ArgoClient:
    """One argo-server."""

    def __init__(
        self, server: Server, *, pauses_s: Sequence[float] | None = None, read_timeout_s: float | None = None
    ) -> None:
        """Prepare a session; nothing is sent yet."""
        self.server = server
        self.pauses_s = PAUSES_S if pauses_s is None else pauses_s
        self._read_timeout_s = read_timeout_s or READ_TIMEOUT_S
        self._session = requests.Session()
        self._session.auth = _Authorization(server.authorization)
        if server.verify is False:  # asked for, so that a warning at each request says nothing new
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def create(self, namespace: str, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Create an object whose name is set; a try whose answer was lost does not make a second one.

        Raises:
            BadInput: the server finds a mistake in it, or the name is taken.
            Refused: the token does not count or lacks the right.
            Unavailable: no answer after several tries.
        """
        kind, name = KINDS[manifest["kind"]], manifest["metadata"]["name"]
        body = {kind.key: manifest} | ({"serverDryRun": True} if dry_run else {})
        what = f"create the {manifest['kind']} `{name}` in namespace {namespace}"
        response = self._send("POST", f"{kind.path}/{namespace}", what, body)
        if response.status_code != HTTPStatus.CONFLICT:
            return self._object(response, what)
        there = self._object(self._send("GET", f"{kind.path}/{namespace}/{name}", what), what)
        if _submission(there) is not None and _submission(there) == _submission(manifest):
            return there
        raise BadInput(
            f"namespace {namespace} holds a {manifest['kind']} `{name}` already; choose another --name, "
            f"or let Argo complete one: --generate-name {name}-"
        )

    def lint(self, namespace: str, manifest: Manifest) -> None:
        """Let the server check an object.

        Raises:
            BadInput: what the server finds; it answers 500 where `create` answers 400.
        """
        kind, what = KINDS[manifest["kind"]], f"lint the {manifest['kind']}"
        response = self._send("POST", f"{kind.path}/{namespace}/lint", what, {kind.key: manifest}, final={500})
        if response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
            raise BadInput(f"the Argo server finds a mistake: {self._message(response)}")
        self._object(response, what)

    def get(self, namespace: str, name: str) -> Manifest:
        """A workflow with its status."""
        what = f"get the workflow `{name}` in namespace {namespace}"
        return self._object(self._send("GET", f"workflows/{namespace}/{name}", what), what)

    def stop(self, namespace: str, name: str, *, at_once: bool) -> Manifest:
        """Ask a workflow to stop: its exit handler runs, unless `at_once`."""
        verb = "terminate" if at_once else "stop"
        what = f"{verb} the workflow `{name}` in namespace {namespace}"
        body = {"name": name, "namespace": namespace}
        return self._object(self._send("PUT", f"workflows/{namespace}/{name}/{verb}", what, body), what)

    def events(self, namespace: str, name: str) -> Iterator[Manifest]:
        """The workflow after each change; ends when the connection does, be it by a 504 or a cut.

        Raises:
            JobError: the workflow was deleted.
        """
        parameters = {"listOptions.fieldSelector": f"metadata.name={name}"}
        what = f"watch the workflow `{name}` in namespace {namespace}"
        for event in self._lines(f"workflow-events/{namespace}", what, parameters, self._read_timeout_s):
            if event.get("type") == "DELETED":
                raise JobError(f"the workflow `{name}` was deleted while it was watched")
            yield event.get("object") or {}

    def logs(self, namespace: str, name: str) -> Iterator[tuple[str, str]]:
        """(pod, line) of every step's container from the first line on; ends when the connection does."""
        parameters = {"logOptions.container": "main", "logOptions.follow": "true"}
        what = f"read the logs of the workflow `{name}` in namespace {namespace}"
        for entry in self._lines(f"workflows/{namespace}/{name}/log", what, parameters, _LOG_TIMEOUT_S):
            yield entry.get("podName", ""), entry.get("content", "")

    def _send(
        self, method: str, path: str, what: str, body: Manifest | None = None, final: set[int] | None = None
    ) -> requests.Response:
        """Send until there is an answer that another try would not change."""
        for pause in (*self.pauses_s, None):
            try:
                response = self._request(method, path, self._read_timeout_s, json=body)
            except requests.RequestException as error:
                problem = _cause(error)
            else:
                if response.status_code not in _FOR_NOW - (final or set()):
                    return response
                problem = f"{response.status_code} {self._message(response)}"
            if pause is not None:
                print(f"{self.server.url}: {problem}; trying again in {pause:g} s", file=sys.stderr)
                time.sleep(pause)
        raise Unavailable(
            f"cannot {what}: {self.server.url} gave no answer after {len(self.pauses_s) + 1} tries: {problem}"
        )

    def _lines(self, path: str, what: str, parameters: dict[str, str], timeout_s: float) -> Iterator[Manifest]:
        """The `result` of each line of a stream, until it ends for any reason that a new connection may mend."""
        try:
            with self._request("GET", path, timeout_s, params=parameters, stream=True) as response:
                if response.status_code in _FOR_NOW:
                    return
                self._refuse(response, what)
                for line in response.iter_lines(chunk_size=None):
                    record = json.loads(line) if line.strip() else {}
                    if "error" in record:
                        return
                    yield from [record["result"]] if "result" in record else []
        except (requests.RequestException, json.JSONDecodeError):  # cut, also in the middle of a line
            return

    def _request(self, method: str, path: str, read_timeout_s: float, **rest: Any) -> requests.Response:
        """One request. `verify` stands here, because the session's own gives way to REQUESTS_CA_BUNDLE."""
        url = f"{self.server.url}api/v1/{path}"
        verify, timeout = self.server.verify, (CONNECT_TIMEOUT_S, read_timeout_s)
        try:
            return self._session.request(method, url, verify=verify, timeout=timeout, allow_redirects=False, **rest)
        except requests.exceptions.SSLError as error:
            self._explain_tls(error)

    def _explain_tls(self, error: requests.exceptions.SSLError) -> NoReturn:
        if "WRONG_VERSION_NUMBER" in str(error):
            raise BadInput(
                f"{self.server.url}: the server speaks no TLS; set ARGO_SECURE=false or write http://"
            ) from error
        raise BadInput(
            f"{self.server.url}: its certificate is not trusted ({_cause(error)}); give the file that vouches for it "
            "with --certificate-authority FILE, or take any with --insecure-skip-verify"
        ) from error

    def _object(self, response: requests.Response, what: str) -> Manifest:
        """The JSON object of a good answer."""
        self._refuse(response, what)
        try:
            answer = response.json()
        except requests.JSONDecodeError as error:
            raise self._not_argo(response) from error
        if not isinstance(answer, dict):
            raise self._not_argo(response)
        return answer

    def _refuse(self, response: requests.Response, what: str) -> None:
        """Raise for an answer that is final and no success."""
        if response.is_redirect:
            target = response.headers["Location"]
            raise BadInput(f"{self.server.url}: the server sends on to {target}; name the address behind it")
        if response.ok:
            return  # the body of a stream is not touched here
        status, message = response.status_code, self._message(response)
        if status == HTTPStatus.UNAUTHORIZED:
            cure = "renew ARGO_TOKEN" if self.server.authorization else "set ARGO_TOKEN (`argo auth token` prints it)"
            raise Refused(f"cannot {what}: the Argo server does not accept the token; {cure}: {message}")
        if status == HTTPStatus.FORBIDDEN:
            raise Refused(f"cannot {what}: the token lacks the right; ask for the Role of docs/cluster.md: {message}")
        raise BadInput(f"cannot {what}: the Argo server answers {status}: {message}")

    def _not_argo(self, response: requests.Response) -> BadInput:
        kind = response.headers.get("Content-Type", "nothing")
        return BadInput(
            f"{response.url}: expected JSON, got {kind}; is ARGO_SERVER an argo-server, ARGO_BASE_HREF its path?"
        )

    def _message(self, response: requests.Response) -> str:
        """What the server says, on one line and without the token, should it repeat it."""
        try:
            text = str(response.json()["message"])
        except (requests.RequestException, KeyError, TypeError):
            text = response.text[:200] or response.reason
        if self.server.authorization:
            text = text.replace(self.server.authorization.split()[-1], "***")
        return " ".join(text.split())


def _submission(manifest: Manifest) -> str | None:
    annotations = manifest["metadata"].get("annotations") or {}
    value: str | None = annotations.get(SUBMISSION)
    return value


def _cause(error: BaseException) -> str:
    """The innermost reason: `Connection refused` rather than five nested names of classes."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
