"""`fastnlp watch` and `fastnlp stop`: coming back to a workflow on Argo."""

import argparse
from collections.abc import Sequence

from fastnlp_jobs.errors import EXIT_DONE, BadInput
from fastnlp_jobs.runtime.argo.server import DEFAULT_NAMESPACE, Server
from fastnlp_jobs.runtime.submit import exit_code_of
from fastnlp_jobs.runtime.submit_options import add_server, server_of


def watch(arguments: Sequence[str]) -> int:
    """Wait for the end of a workflow; exit codes as of `hera submit --wait`."""
    parser = argparse.ArgumentParser(prog="fastnlp watch", description="Wait for the end of a workflow on Argo.")
    parser.add_argument("name", metavar="NAME", help="name of the workflow")
    parser.add_argument("--log", action="store_true", help="show what the steps print")
    parser.add_argument("-o", "--output", choices=["name", "json", "yaml"], help="print only this on standard output")
    add_server(parser)
    options = parser.parse_args(arguments, argparse.Namespace(watch=True))
    return exit_code_of(lambda: _watch(options))


def stop(arguments: Sequence[str]) -> int:
    """Ask a workflow to stop; 0 when the server has taken the request."""
    parser = argparse.ArgumentParser(prog="fastnlp stop", description="Stop a workflow on Argo.")
    parser.add_argument("name", metavar="NAME", help="name of the workflow")
    parser.add_argument("--now", action="store_true", help="without its exit handler (Argo: terminate)")
    add_server(parser)
    options = parser.parse_args(arguments)
    return exit_code_of(lambda: _stop(options))


def _watch(options: argparse.Namespace) -> int:
    from fastnlp_jobs.runtime.argo.client import ArgoClient
    from fastnlp_jobs.runtime.argo.submission import follow

    server, namespace = _place(options)
    return follow(ArgoClient(server), namespace, options.name, options)


def _stop(options: argparse.Namespace) -> int:
    from fastnlp_jobs.runtime.argo.client import ArgoClient

    server, namespace = _place(options)
    ArgoClient(server).stop(namespace, options.name, at_once=options.now)
    print(f"{options.name} in namespace {namespace} was asked to stop")
    return EXIT_DONE


def _place(options: argparse.Namespace) -> tuple[Server, str]:
    server = server_of(options)
    if server is None:
        raise BadInput("no Argo server is named; set ARGO_SERVER or give --argo-server HOST:PORT")
    return server, options.namespace or server.namespace or DEFAULT_NAMESPACE
