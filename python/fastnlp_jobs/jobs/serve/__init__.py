"""Job `serve`: a language model behind OpenAI's protocol, until it is stopped."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NoReturn

from pydantic import Field, model_validator

from fastnlp_jobs.job import ServiceConfig
from fastnlp_jobs.jobs.serve.vllm import Vllm, refuse_foreign, vllm_command, vllm_server
from fastnlp_jobs.llm.embedded import LlamaCpp, checked_model, embedded_server
from fastnlp_jobs.llm.server_process import ServerProcess

EXTRA = "llm"


class Config(ServiceConfig):
    """Serve a language model over OpenAI's protocol: /v1/chat/completions, /v1/models, /health."""

    engine: Literal["llamacpp", "vllm"] = Field(
        "llamacpp", description="llamacpp: GGUF files, on any machine; vllm: what is installed as `vllm`, with GPUs"
    )
    model: str | None = Field(
        None,
        min_length=1,
        description="a GGUF file, by default the tiny embedded SmolLM2-135M; for vllm a folder, or a name it knows",
    )
    host: str = Field("127.0.0.1", description="address it listens on; 0.0.0.0: every one, for whoever can reach it")
    port: int = Field(8001, ge=0, le=65535, description="port it listens on; 0: a free one (llamacpp)")
    llamacpp: LlamaCpp = Field(
        default_factory=LlamaCpp, description="threads, slots, context_tokens, start_timeout_s of llamacpp"
    )
    vllm: Vllm = Field(default_factory=Vllm, description="arguments (a list of words), start_timeout_s of vllm")

    # Here and not at the field: a message about a field repeats what was written there, which may be a key.
    @model_validator(mode="after")
    def _vllm_is_told_what_it_needs(self) -> "Config":
        refuse_foreign(self.vllm.arguments)
        if self.engine == "vllm" and self.model is None:
            raise ValueError("engine: vllm needs `model`, a folder or the name of a model")
        if self.engine == "vllm" and self.port == 0:
            raise ValueError("engine: vllm needs a `port` other than 0")
        return self

    def more_of_plan(self) -> dict[str, Any]:
        """What would be started; refuses what is not installed."""
        if self.engine == "vllm":
            return {"command": vllm_command(str(self.model), self.host, self.port, self.vllm)}
        return {"model": str(checked_model(Path(self.model) if self.model else None))}


def run(config: Config) -> NoReturn:
    """Start the engine, say where it listens, and stay until it ends or a signal comes."""
    from fastnlp_jobs.events import event

    logs = config.run_folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with _started(config, logs / f"{config.engine}.log") as (url, process):
        event("serving", engine=config.engine, url=url)
        process.wait()


@contextlib.contextmanager
def _started(config: Config, log: Path) -> Iterator[tuple[str, ServerProcess]]:
    if config.engine == "vllm":
        with vllm_server(str(config.model), config.host, config.port, config.vllm, log=log) as (url, process):
            yield url, process
        return
    model = Path(config.model) if config.model else None
    with embedded_server(config.llamacpp, model=model, host=config.host, port=config.port, log=log) as server:
        yield server.base_url, server.process
