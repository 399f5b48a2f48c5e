"""A stub of argo-server: what a real one was seen to answer, and the ways in which connections fail.

It runs no workflow. A test says what happens to one: `stub.changes` holds, per connection of a watch, the states that
are sent and how the connection ends. An event among them is waited for, a function is called.
"""

import json
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

CUT = "the connection is cut in the middle of a line"
GATEWAY_TIMEOUT = "a proxy answers 504 instead of the stream"


@dataclass
class Request:
    """What a client sent."""

    method: str
    path: str
    query: dict[str, list[str]]
    body: Any
    authorization: str | None


@dataclass
class Failure:
    """An answer other than the usual one, for the next requests whose path ends so."""

    method: str
    path_end: str
    status: int  # 0: the connection is closed without an answer
    message: str = ""
    times: int = 1
    acts: bool = False  # the request has its effect all the same, only the answer is lost
    html: bool = False


@dataclass
class StubArgoServer:
    """The stub, on a free port of this machine while used as a context."""

    token: str | None = None  # where set, every request must carry it
    certificate: tuple[Path, Path] | None = None  # PEM of certificate and key; speaks TLS then
    base: str = "/"
    changes: list[Sequence[Any]] = field(default_factory=list)  # per watch: states, then perhaps CUT or GATEWAY_TIMEOUT
    logs: list[Sequence[Any]] = field(default_factory=list)  # per connection: (pod, line), then perhaps CUT
    failures: list[Failure] = field(default_factory=list)
    objects: dict[str, Any] = field(default_factory=dict)  # by path below api/v1/
    requests: list[Request] = field(default_factory=list)
    answer_slowly: threading.Event | None = None  # every answer waits until it is set

    def __enter__(self) -> "StubArgoServer":
        stub = self

        class Handler(_Handler):
            server_state = stub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if self.certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.answer_slowly is not None:
            self.answer_slowly.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        port: int = self._server.server_address[1]
        return port

    @property
    def url(self) -> str:
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}{self.base}"

    def sent(self, method: str, path_end: str) -> list[Request]:
        return [request for request in self.requests if request.method == method and request.path.endswith(path_end)]

    def take_failure(self, method: str, path: str) -> Failure | None:
        for failure in self.failures:
            if failure.method == method and path.endswith(failure.path_end) and failure.times:
                failure.times -= 1
                return failure
        return None


def state(phase: str | None, name: str = "run-1", message: str = "", **nodes: dict[str, Any]) -> dict[str, Any]:
    """A workflow as the server sends it; without a phase the controller has not seen it yet."""
    status = {"phase": phase, "message": message, "nodes": nodes} if phase else {}
    return {"metadata": {"name": name, "namespace": "argo"}, "status": status}


def node(phase: str, name: str = "step", message: str = "", kind: str = "Pod") -> dict[str, Any]:
    return {"displayName": name, "type": kind, "phase": phase, "message": message}


def _event(change: dict[str, Any]) -> dict[str, Any]:
    """A state, or an event that is whole already."""
    return change if "type" in change else {"type": "MODIFIED", "object": change}


class _Handler(BaseHTTPRequestHandler):
    server_state: StubArgoServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, ssl.SSLError):
            self.close_connection = True  # the client went away, as the tests have it do

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def _serve(self) -> None:
        stub, parts = self.server_state, urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        authorization = self.headers.get("Authorization")
        stub.requests.append(Request(self.command, parts.path, parse_qs(parts.query), body, authorization))
        if stub.answer_slowly is not None:
            stub.answer_slowly.wait()
        prefix = f"{stub.base}api/v1/"
        if not parts.path.startswith(prefix):
            return self._page()
        if stub.token is not None and authorization != f"Bearer {stub.token}":
            return self._error(401, f"token not valid for running mode: {authorization}")
        path = parts.path.removeprefix(prefix)
        failure = stub.take_failure(self.command, path)
        if failure is not None:
            if failure.acts:
                self._act(path, body, silent=True)
            return self._fail(failure)
        return self._act(path, body, silent=False)

    def _fail(self, failure: Failure) -> None:
        if failure.status == 0:
            self.close_connection = True
        elif failure.html:
            self._page(failure.status)
        else:
            self._error(failure.status, failure.message)

    def _act(self, path: str, body: Any, *, silent: bool) -> None:
        """Do what the request asks; `silent` keeps the answer back."""
        stub = self.server_state
        if path.startswith("workflow-events/"):
            return self._stream(stub.changes, _event)
        if path.endswith("/log"):
            return self._stream(stub.logs, lambda line: {"podName": line[0], "content": line[1]})
        if path.endswith("/lint"):
            return self._json(200, body)
        if self.command == "POST":
            return self._create(path, body, silent=silent)
        if path.endswith(("/stop", "/terminate")):
            return self._json(200, stub.objects.get(path.rpartition("/")[0], {}))
        if path not in stub.objects:
            return self._error(404, f"{path} not found")
        return self._json(200, stub.objects[path])

    def _create(self, path: str, body: Any, *, silent: bool) -> None:
        stub = self.server_state
        (created,) = [value for key, value in body.items() if key != "serverDryRun"]
        place = f"{path}/{created['metadata']['name']}"
        if place in stub.objects:
            return self._error(409, f'{place} already exists, code 6, "AlreadyExists"')
        if not body.get("serverDryRun"):
            stub.objects[place] = created
        return None if silent else self._json(200, created)

    def _stream(self, connections: list[Sequence[Any]], record: Any) -> None:
        """NDJSON in chunks. What a watch shows is what a later GET answers."""
        items = connections.pop(0) if connections else []
        if GATEWAY_TIMEOUT in items[:1]:
            return self._page(504)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for item in items:
            if item == CUT:
                self._chunk(b'{"result":{"type":"MODIF')
                self.close_connection = True
                return None
            if item == GATEWAY_TIMEOUT:  # in the middle: the proxy can only end the stream
                break
            if isinstance(item, threading.Event):
                item.wait()
                continue
            if callable(item):
                item()
                continue
            if isinstance(item, dict) and "metadata" in item:
                path = f"workflows/{item['metadata']['namespace']}/{item['metadata']['name']}"
                self.server_state.objects[path] = item
            line = item if isinstance(item, dict) and "error" in item else {"result": record(item)}
            self._chunk(json.dumps(line).encode() + b"\n")
        return self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _json(self, status: int, value: Any) -> None:
        self._body(status, "application/json", json.dumps(value).encode())

    def _error(self, status: int, message: str) -> None:
        self._json(status, {"code": 2, "message": message})

    def _page(self, status: int = 200) -> None:
        self._body(status, "text/html", b"<html>a page</html>")

    def _body(self, status: int, kind: str, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
