"""Parses pages in a process of its own: `python -m fastnlp_jobs.sources.forum.worker SECONDS CONFIG`.

A hostile page can keep a parser busy for hours (its time grows with the square of the nesting), or crash it. Here it
costs this process, which holds no secret, and which ends itself even when the one that started it is gone.
"""

import faulthandler
import json
import sys

from fastnlp_jobs.sources.forum.config import ForumConfig
from fastnlp_jobs.sources.forum.posts import read_page


def main() -> None:
    """Answer each line, a page as JSON, with what it shows."""
    limit_s, config = float(sys.argv[1]), ForumConfig.model_validate_json(sys.argv[2])
    for line in sys.stdin.buffer:
        faulthandler.dump_traceback_later(limit_s, exit=True)  # works while native code runs
        shown = read_page(json.loads(line), config)
        faulthandler.cancel_dump_traceback_later()
        print(json.dumps(shown), flush=True)


if __name__ == "__main__":
    main()
