"""`fastnlp demo-site`: the site in the foreground, for a browser or for a crawl in another terminal."""

import argparse
import sys
import textwrap
import time
from collections.abc import Sequence

from fastnlp_jobs.errors import EXIT_BAD_INPUT, BadInput

_DESCRIPTION = """\
Serve real reviews as comments of invented people on this machine's loopback, until Ctrl-C.
docs/demo_site.md says what is real and what is made up."""


def demo_site(arguments: Sequence[str]) -> int:
    """Serve until a signal comes.

    Returns:
        130 or 143, stopped by a signal; 2, it could not start.
    """
    options = _parser().parse_args(arguments)
    try:
        return _serve(options)
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
    except ModuleNotFoundError as error:
        if error.name != "aiohttp":
            raise
        print("error: demo-site needs aiohttp: pip install 'fastnlp-core[crawl]'", file=sys.stderr)
    return EXIT_BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    from fastnlp_jobs.sources.demo_site.misbehaviour import KINDS, STATUSES, Misbehaviour

    keys = ", ".join(f"{name}={field.default}" for name, field in Misbehaviour.model_fields.items() if name != "kind")
    kinds = "\n".join(f"  {kind:14}{what}" for kind, what in KINDS.items() if kind not in STATUSES)
    parser = argparse.ArgumentParser(
        prog="fastnlp demo-site",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=_DESCRIPTION,
        epilog=f"RULE is KIND or KIND,key=value,…\n{textwrap.fill(f'keys and defaults: {keys}', 100)}\nkinds:\n"
        f"  {', '.join(STATUSES)}: that status\n{kinds}",
    )
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--misbehave", metavar="RULE", action="append", default=[], help="below; may be repeated")
    parser.add_argument("--revision", type=int, default=0, help="how many changes the comments have been through")
    parser.add_argument("--crawl-delay-s", type=float, default=0, help="what robots.txt asks for between two requests")
    return parser


def _serve(options: argparse.Namespace) -> int:
    from fastnlp_jobs.processes import Stopped, signals_raise
    from fastnlp_jobs.sources.demo_site.server import running_site

    try:
        with (
            signals_raise(),
            running_site(
                options.misbehave, revision=options.revision, crawl_delay_s=options.crawl_delay_s, port=options.port
            ) as site,
        ):
            print(f"{site.url}  /videos  /forum/  /rules  /robots.txt; Ctrl-C stops it", flush=True)
            while True:
                time.sleep(3600)  # the site has a thread of its own; a signal ends the sleep
    except Stopped as stopped:
        return stopped.exit_code
