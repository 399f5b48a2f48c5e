"""`hera submit`: run a workflow on an Argo server or on this machine."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from fastnlp_jobs import settings
from fastnlp_jobs.errors import EXIT_BAD_INPUT, EXIT_DONE, EXIT_FAILED, BadInput, JobError
from fastnlp_jobs.runtime.answer import answer
from fastnlp_jobs.runtime.manifest import Manifest, apply_options
from fastnlp_jobs.runtime.submit_options import DEFAULT_RUN_FOLDER, parser, refuse_meaningless, server_of


def submit(arguments: Sequence[str]) -> int:
    """Run the workflow a command line names.

    Returns:
        0 succeeded, 1 a step failed, 2 nothing was started because of a mistake, 3 the server did not answer,
        4 it refused, 130 or 143 stopped by a signal.
    """
    options = parser().parse_args(arguments)
    return exit_code_of(lambda: _submit(options))


def exit_code_of(command: Callable[[], int]) -> int:
    """Run a command; what went wrong becomes one line and an exit code."""
    try:
        return command()
    except JobError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        raise
    except OSError as error:  # a full disk, a run folder that was taken away
        print(f"error: {error}", file=sys.stderr)
        return EXIT_FAILED
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("hera", "requests"):
            raise
        print("error: Hera is not installed; pip install 'fastnlp-core[workflows]'", file=sys.stderr)
        return EXIT_BAD_INPUT


def _submit(options: argparse.Namespace) -> int:
    server = None if options.on in ("docker", "local") else server_of(options)
    if options.on == "argo" and server is None and not options.dry_run:  # which asks no server
        raise BadInput("--on argo: no Argo server is named; set ARGO_SERVER or give --argo-server HOST:PORT")
    place = options.on or ("argo" if server else "local")
    refuse_meaningless(options, place)
    manifest = _load(options)
    apply_options(manifest, options)
    if options.dry_run:
        print(answer(manifest, options.output or "yaml"))
        return EXIT_DONE
    if server is not None:
        from fastnlp_jobs.runtime.argo.submission import submit_to_argo

        return submit_to_argo(manifest, options, server)
    return _run_here(manifest, options, place)


def _load(options: argparse.Namespace) -> Manifest:
    from fastnlp_jobs.runtime.loading import load_manifest

    if options.settings:
        if options.file.suffix != ".py":
            raise BadInput(f"--settings {options.settings}: a manifest is finished; only a Python file reads settings")
        os.environ[settings.VARIABLE] = options.settings
    return load_manifest(options.file, options.workflow)


def _run_here(manifest: Manifest, options: argparse.Namespace, place: str) -> int:
    from hera.workflows import models

    from fastnlp_jobs.runtime.machine import run_on_machine

    if manifest["kind"] != "Workflow":
        raise BadInput(
            f"{options.file}: expected a Workflow, got a {manifest['kind']}; only Argo keeps those (--on argo)"
        )
    if options.on is None:
        print("no Argo server is named (--argo-server, ARGO_SERVER): the steps run on this machine", file=sys.stderr)
    workflow = models.Workflow.model_validate(manifest)
    log = (sys.stderr if options.output else sys.stdout) if options.log else None
    run_dir = options.run_dir or DEFAULT_RUN_FOLDER
    ended = run_on_machine(workflow, on=place, run_dir=run_dir, log=log, anew=options.no_cache)
    if options.output:  # here a run is found again by its folder, also where several have one name
        print(ended.folder.name if options.output == "name" else answer(ended.state, options.output))
    return ended.exit_code
