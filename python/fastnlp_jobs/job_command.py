"""`fastnlp <job>`: its options, its help from the Config, and an exit code for whatever goes wrong."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from fastnlp_jobs import example
from fastnlp_jobs.errors import EXIT_BAD_INPUT, EXIT_DONE, EXIT_FAILED, BadInput, JobError
from fastnlp_jobs.job import ServiceConfig, job_names, load_job, secrets


def run_job(arguments: list[str], other_commands: Mapping[str, str]) -> int:
    """Run a job as the command line says; `other_commands` (name to description) are only listed in the help."""
    options = _parser(arguments, other_commands).parse_args(arguments)
    from fastnlp_jobs.processes import Stopped, stop_on_signals

    stop_on_signals()
    try:
        return _run(options)
    except Stopped as stopped:
        print("stopped; nothing half-written is left, run the same command again", file=sys.stderr)
        return stopped.exit_code
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  # the last resort: whatever is left becomes an exit code
        return _report(error)


def _run(options: argparse.Namespace) -> int:
    from fastnlp_jobs.config import load_config
    from fastnlp_jobs.execution import execute, plan, run_on_text, serve, to_json

    config_class = load_job(options.job).Config
    source = str(example.config_of(options.job)) if options.example else options.config
    if options.text is not None:
        _refuse_other_bytes(options.text)
        paths = [*config_class.path_fields("input"), *config_class.path_fields("output")]
        unread = [f"{name}=unread" for name in paths if config_class.model_fields[name].is_required()]
        config = load_config(config_class, source, [*options.set, *unread])
        print(to_json(run_on_text(options.job, config, options.text)), flush=True)
        return EXIT_DONE
    config = load_config(config_class, source, options.set)
    if isinstance(config, ServiceConfig) and not options.dry_run:
        serve(options.job, config)
    answer = plan(options.job, config) if options.dry_run else execute(options.job, config, force=options.force)
    print(to_json(answer), flush=True)
    if options.example:
        print(example.how_to_go_on(options.job, config_class), file=sys.stderr)
    return EXIT_DONE


def _refuse_other_bytes(text: str) -> None:
    """Python takes bytes of a command line that are no UTF-8 for surrogates, which no table can hold."""
    if not text.isascii() and text.encode(errors="ignore").decode() != text:
        raise BadInput("--text: expected text in UTF-8, got other bytes; convert it, or set a locale of UTF-8")


def _report(error: Exception) -> int:
    """Print what went wrong, with a traceback only for our own mistakes, and give the exit code."""
    from fastnlp_core.errors import FastNlpError

    if isinstance(error, JobError):
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    if isinstance(error, FastNlpError):
        print(f"error: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    import traceback

    traceback.print_exception(error)
    return EXIT_FAILED


def _parser(arguments: list[str], other_commands: Mapping[str, str]) -> argparse.ArgumentParser:
    """Only the job that is asked for is imported."""
    parser = argparse.ArgumentParser(
        prog="fastnlp", description="Comments and live chat into corpora, patterns and a report."
    )
    parser.add_argument("--version", action=_PrintVersion, nargs=0, help="print the version")
    commands = parser.add_subparsers(dest="job", metavar="COMMAND", required=True)
    for name in job_names():
        asked = arguments[:1] == [name]
        _add_job(commands, name) if asked else commands.add_parser(name, help=_summary(name, arguments))
    for name, description in other_commands.items():
        commands.add_parser(name, help=description)
    return parser


class _PrintVersion(argparse.Action):
    """argparse's own would look the version up for every command."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        import importlib.metadata

        print(importlib.metadata.version("fastnlp-core"))
        parser.exit()


def _summary(name: str, arguments: list[str]) -> str | None:
    """First line of the Config's docstring; only `fastnlp --help` needs it."""
    wanted = not arguments or arguments[0] in ("-h", "--help")
    return _first_line(load_job(name).Config) if wanted else None


def _add_job(commands: Any, name: str) -> None:
    job = load_job(name)
    config_class = job.Config
    parser = commands.add_parser(
        name,
        description=config_class.__doc__,
        epilog=_describe_keys(config_class),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE", help="YAML file with the keys below; - reads standard input")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="set one key, may be repeated")
    parser.add_argument("--dry-run", action="store_true", help="check config and inputs, say what would happen")
    parser.add_argument("--force", action="store_true", help="run although the output is there, and replace it")
    parser.set_defaults(example=False, text=None)
    if hasattr(job, "run_on_text"):
        parser.add_argument("--text", help="print what the job makes of one text; no file is read or written")
    if example.is_here():
        shown = "run the example of this image, then print how to go on"
        parser.add_argument("--example", action="store_true", help=shown)


def _describe_keys(config_class: type[BaseModel]) -> str:
    """The keys of a config as help text: name, default, meaning."""
    lines = ["keys of the config:"]
    hidden = secrets(config_class)
    for name, field in config_class.model_fields.items():
        if name in hidden:
            lines.append(f"  (environment {hidden[name]})\n      {field.description}")
            continue
        default = "required" if field.is_required() else f"default {_shown(field)}"
        lines.append(f"  {name} ({default})\n      {field.description or ''}")
    return "\n".join(lines)


def _shown(field: FieldInfo) -> str:
    """The default of a field as YAML would have it."""
    if field.default_factory is not None:
        return "{}"  # a group of keys with defaults of their own
    return str(field.default) if isinstance(field.default, Path) else repr(field.default)


def _first_line(config_class: type[BaseModel]) -> str:
    return (config_class.__doc__ or "").strip().splitlines()[0]
