"""Sending a workflow to Argo, and going along with it as far as the options ask."""

import argparse
import contextlib
import secrets
import sys
from collections.abc import Iterator

from fastnlp_jobs import processes
from fastnlp_jobs.errors import EXIT_DONE, EXIT_FAILED, BadInput, JobError
from fastnlp_jobs.runtime.answer import answer
from fastnlp_jobs.runtime.argo.client import SUBMISSION, ArgoClient, Manifest
from fastnlp_jobs.runtime.argo.follow import Progress, ending, logs_shown, wait_for_end
from fastnlp_jobs.runtime.argo.server import DEFAULT_NAMESPACE, Server
from fastnlp_jobs.runtime.shared_paths import refuse_paths

_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # Kubernetes' own choice: no letters that make words
_LONGEST_PREFIX = 58  # with the suffix 63, what a label may hold


def submit_to_argo(manifest: Manifest, options: argparse.Namespace, server: Server) -> int:
    """Create the object on the server; a workflow is waited for if the options say so.

    Returns:
        0 created or Succeeded, 1 Failed or Error, 130 or 143 detached by a signal.

    Raises:
        BadInput: a parameter names a file of this machine.
        JobError: see `ArgoClient`.
    """
    refuse_paths(manifest)
    client = ArgoClient(server)
    metadata = manifest["metadata"]
    namespace = metadata.setdefault("namespace", server.namespace or DEFAULT_NAMESPACE)
    follows = options.wait or options.watch or options.log
    if manifest["kind"] != "Workflow" and (follows or options.server_dry_run):
        raise BadInput(
            f"a {manifest['kind']} is only stored, it does not run: leave out --wait, --watch, --log, --server-dry-run"
        )
    _settle_name(manifest)
    if options.lint:
        client.lint(namespace, manifest)
    with processes.signals_raise():
        try:
            created = client.create(namespace, manifest, dry_run=options.server_dry_run)
        except processes.Stopped as stopped:
            print(f"stopped before the server answered; look whether `{metadata['name']}` is there", file=sys.stderr)
            return stopped.exit_code
    if options.server_dry_run:
        print(answer(created, options.output or "yaml"))
        return EXIT_DONE
    _say(options, f"{manifest['kind']} {metadata['name']} created in namespace {namespace}")
    if manifest["kind"] == "Workflow":
        _say(options, server.link(namespace, metadata["name"]))
    if not follows:
        _answer(options, created)
        return EXIT_DONE
    return follow(client, namespace, metadata["name"], options)


def follow(client: ArgoClient, namespace: str, name: str, options: argparse.Namespace) -> int:
    """Wait for the end of a workflow and print what the options ask for; a signal only detaches.

    Raises:
        JobError: the server cannot be asked any longer; the workflow goes on.
    """
    out = sys.stderr if options.output else sys.stdout
    log = logs_shown(client, namespace, name, out) if options.log else contextlib.nullcontext()
    with _how_to_come_back(namespace, name) as detached, processes.signals_raise(), log:
        final = wait_for_end(client, namespace, name, Progress(every_change=options.watch))
    if detached:
        return detached[0]
    _say(options, ending(final))
    _answer(options, final)
    return EXIT_DONE if final["status"]["phase"] == "Succeeded" else EXIT_FAILED


@contextlib.contextmanager
def _how_to_come_back(namespace: str, name: str) -> Iterator[list[int]]:
    """Say it when the block is left early; yields the exit code of the signal that ended it, if one did."""
    detached: list[int] = []
    try:
        yield detached
    except processes.Stopped as stopped:
        detached.append(stopped.exit_code)
        _print_ways(namespace, name)
    except JobError:
        _print_ways(namespace, name)
        raise


def _print_ways(namespace: str, name: str) -> None:
    print(
        f"the workflow goes on without this command\n  come back: fastnlp watch {name} -n {namespace}", file=sys.stderr
    )
    print(f"  stop it:   fastnlp stop {name} -n {namespace}", file=sys.stderr)


def _settle_name(manifest: Manifest) -> None:
    """Choose the name here: a try whose answer is lost can be sent again without making a second workflow."""
    metadata = manifest["metadata"]
    if not metadata.get("name"):
        if not metadata.get("generateName"):
            raise BadInput("the workflow has no name; give --name NAME or --generate-name PREFIX")
        suffix = "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(5))
        metadata["name"] = metadata["generateName"][:_LONGEST_PREFIX] + suffix
    metadata.setdefault("annotations", {})[SUBMISSION] = secrets.token_hex(8)


def _say(options: argparse.Namespace, text: str) -> None:
    print(text, file=sys.stderr if options.output else sys.stdout, flush=True)


def _answer(options: argparse.Namespace, state: Manifest) -> None:
    if options.output:
        print(answer(state, options.output))
