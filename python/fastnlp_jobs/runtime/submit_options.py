"""The options of `hera submit`, and which of them have a meaning where."""

import argparse
import os
from pathlib import Path

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.runtime.argo.server import Server, named_server

DEFAULT_RUN_FOLDER = Path("runs")
_ONLY_ON_ARGO = {
    "namespace": "-n/--namespace",
    "serviceaccount": "--serviceaccount",
    "server_dry_run": "--server-dry-run",
    "argo_server": "-s/--argo-server",
    "certificate_authority": "--certificate-authority",
    "insecure_skip_verify": "-k/--insecure-skip-verify",
}
_ONLY_HERE = {"run_dir": "--run-dir", "no_cache": "--no-cache"}
Options = argparse.ArgumentParser | argparse._ArgumentGroup  # argparse has no public name for its groups


def parser() -> argparse.ArgumentParser:
    """The command line of `hera submit`."""
    result = argparse.ArgumentParser(
        prog="hera submit",
        description="Run a workflow on an Argo server, or on this machine where none is named.",
    )
    result.add_argument("file", type=Path, metavar="FILE", help="Python file that defines it, or Argo YAML manifest")
    _add_place(result.add_argument_group("where it runs"))
    _add_changes(result.add_argument_group("which workflow, and what is changed in it"))
    _add_looks(result.add_argument_group("what is checked and shown"))
    return result


def add_server(result: Options) -> None:
    """The options that name an Argo server, in every command that speaks to one."""
    result.add_argument("-s", "--argo-server", metavar="HOST:PORT", help="the Argo server (ARGO_SERVER)")
    result.add_argument("-n", "--namespace", metavar="NAME", help="its namespace (ARGO_NAMESPACE)")
    result.add_argument(
        "--certificate-authority", type=Path, metavar="FILE", help="PEM file that vouches for the server's certificate"
    )
    result.add_argument(
        "-k", "--insecure-skip-verify", action="store_true", help="take any certificate (ARGO_INSECURE_SKIP_VERIFY)"
    )


def _add_place(result: Options) -> None:
    result.add_argument(
        "--on",
        choices=["argo", "docker", "local"],
        help="argo: the server; docker: containers here; local: processes here "
        "(default argo where a server is named, else local)",
    )
    add_server(result)
    result.add_argument(
        "--run-dir",
        type=Path,
        metavar="DIR",
        help=f"docker, local: where the run's folder is made ({DEFAULT_RUN_FOLDER})",
    )
    result.add_argument(
        "--no-cache", action="store_true", help="docker, local: take over nothing that earlier runs there wrote"
    )


def _add_changes(result: Options) -> None:
    many = {"action": "append", "default": []}
    result.add_argument("--settings", metavar="NAME|PATH", help="configs/workflows/NAME.yaml, or a path (default demo)")
    result.add_argument("--workflow", metavar="NAME", help="which workflow, where the file holds several")
    result.add_argument("-p", "--parameter", metavar="NAME=VALUE", **many, help="set a parameter, may be repeated")  # type: ignore[arg-type]  # one dict for two options
    result.add_argument(
        "-f", "--parameter-file", metavar="FILE", help="YAML or JSON with NAME: VALUE; -p goes before it"
    )
    result.add_argument("--entrypoint", metavar="TEMPLATE", help="start with this template")
    names = result.add_mutually_exclusive_group()
    names.add_argument("--name", help="the run's whole name")
    names.add_argument("--generate-name", metavar="PREFIX", help="first part of the run's name")
    result.add_argument("-l", "--labels", metavar="KEY=VALUE,…", **many, help="labels of the workflow, may be repeated")  # type: ignore[arg-type]  # as above
    result.add_argument("--serviceaccount", metavar="NAME", help="argo: service account of all pods")


def _add_looks(result: Options) -> None:
    result.add_argument("--dry-run", action="store_true", help="print the workflow as YAML and start nothing")
    result.add_argument("--server-dry-run", action="store_true", help="argo: let the server complete it, start nothing")
    result.add_argument("--lint", action="store_true", help="argo: let the server check it first (here: always done)")
    result.add_argument("-w", "--wait", action="store_true", help="argo: wait for the end (here: always done)")
    result.add_argument("--watch", action="store_true", help="argo: wait, and show each change (here: always done)")
    result.add_argument("--log", action="store_true", help="wait, and show what the steps print")
    result.add_argument(
        "-o",
        "--output",
        choices=["name", "json", "yaml"],
        help="print only this on standard output: the name, or the state",
    )


def refuse_meaningless(options: argparse.Namespace, place: str) -> None:
    """Raise for an option that means nothing where the workflow runs.

    Raises:
        BadInput: names every such option.
    """
    strange = _ONLY_HERE if place == "argo" else _ONLY_ON_ARGO
    given = [flag for option, flag in strange.items() if getattr(options, option)]
    if given:
        where = "docker and local" if place == "argo" else "argo"
        raise BadInput(f"{', '.join(given)}: no meaning with --on {place}, only with {where}; leave it out")


def server_of(options: argparse.Namespace) -> Server | None:
    """The Argo server that the options or the environment name; None where they name none."""
    return named_server(
        os.environ,
        address=options.argo_server,
        certificate_authority=options.certificate_authority,
        insecure=options.insecure_skip_verify,
    )
