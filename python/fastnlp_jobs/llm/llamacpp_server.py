"""The program of the embedded server: llama.cpp behind its own OpenAI-compatible server, until it is ended.

Run as `python -m fastnlp_jobs.llm.llamacpp_server JSON`. A process of its own, since loading a model holds the
interpreter for as long as it takes, and what goes wrong inside may take Python down.
"""

import json
import sys
import threading
from pathlib import Path
from typing import Any

import xllamacpp

_WARNINGS = 2  # verbosity: nothing of a request is written


def main() -> None:
    """Load the model, write the address to the file that was asked for, serve."""
    settings = json.loads(sys.argv[1])
    try:
        server = xllamacpp.Server(_parameters(settings))
    except RuntimeError as error:  # why stands before it on standard error
        sys.exit(f"{error}")
    announce = Path(settings["address_file"])
    written = announce.with_suffix(".partial")
    written.write_text(server.listening_address, encoding="utf-8")
    written.replace(announce)
    threading.Event().wait()


def _parameters(settings: dict[str, Any]) -> xllamacpp.CommonParams:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = settings["model"]
    parameters.model_alias = {settings["name"]}
    parameters.hostnames = [settings["host"]]
    parameters.port = settings["port"]  # 0: a free one
    parameters.n_parallel = settings["slots"]
    parameters.n_ctx = settings["context_tokens"] * settings["slots"]
    parameters.fit_params = False  # a context that memory cannot hold is an error, and not made shorter in silence
    parameters.cpuparams.n_threads = settings["threads"]
    parameters.cpuparams_batch.n_threads = settings["threads"]
    parameters.verbosity = _WARNINGS
    parameters.offline = True
    parameters.ui = False
    parameters.endpoint_slots = False  # would tell one client of the others
    # By default any web page that the user opens may ask the server; now only one from this machine.
    parameters.cors_origins = "localhost"
    parameters.cors_origins_explicit = True
    parameters.cors_credentials = False
    return parameters


if __name__ == "__main__":
    main()
