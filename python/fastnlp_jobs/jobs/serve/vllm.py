"""The seam to vLLM: its command line, and nothing else of it. Tested with a stub of this name, not with vLLM itself."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.job import JobConfig
from fastnlp_jobs.llm.server_process import ServerProcess, base_url, local_host, running

# Words of its command line that the config's own keys stand for, or that would put a secret into a file.
_REFUSED = {
    "--host": "set `host`",
    "--port": "set `port`",
    "--model": "set `model`",
    "--api-key": "set the environment variable VLLM_API_KEY",
    "--hf-token": "set the environment variable HF_TOKEN",
}


class Vllm(JobConfig):
    """How vLLM runs a model."""

    arguments: list[str] = Field([], description="words after `vllm serve MODEL`, such as [--dtype, bfloat16]")
    start_timeout_s: float = Field(1800, gt=0, description="how long loading the model may take")


def refuse_foreign(arguments: list[str]) -> None:
    """Refuse what the config or the environment says.

    Raises:
        ValueError: names the word without its value, which may be a key.
    """
    for word in arguments:
        option = word.partition("=")[0].replace("_", "-")  # vLLM takes both, and what a longer name begins with
        meant = [name for name in _REFUSED if len(option) > len("--") and name.startswith(option)]
        if meant:
            raise ValueError(f"vllm.arguments: {meant[0]} does not belong there: {_REFUSED[meant[0]]}")


def vllm_command(model: str, host: str, port: int, settings: Vllm) -> list[str]:
    """The words that start it.

    Raises:
        BadInput: it is not installed.
    """
    program = shutil.which("vllm")
    if program is None:
        raise BadInput(
            "engine: vllm needs the program `vllm` on PATH, on a machine with a GPU: pip install vllm; "
            "or set engine: llamacpp"
        )
    return [program, "serve", model, "--host", host, "--port", str(port), *settings.arguments]


@contextlib.contextmanager
def vllm_server(model: str, host: str, port: int, settings: Vllm, *, log: Path) -> Iterator[tuple[str, ServerProcess]]:
    """Run `vllm serve` while the block lasts; gives the URL of its API.

    Raises:
        BadInput: it is not installed.
        JobError: it failed; shows what it wrote last.
    """
    with running(vllm_command(model, host, port, settings), log, {}) as process:
        process.wait_until_healthy(lambda: (local_host(host), port), settings.start_timeout_s)
        yield base_url((local_host(host), port)), process
