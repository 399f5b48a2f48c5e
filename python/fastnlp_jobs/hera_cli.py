"""The console script `hera`: Hera's own command line with `hera submit` added.

Nothing of this project is imported before the word `submit` is seen; every other word goes to Hera unchanged.
"""

import sys


def main() -> int | None:
    """Run `hera submit …` here and everything else in Hera's own command line."""
    if sys.argv[1:2] == ["submit"]:
        from fastnlp_jobs.cli import main as fastnlp

        return fastnlp()
    try:
        from hera.__main__ import main as hera_main
    except ModuleNotFoundError:
        sys.exit("hera: Hera is not installed; pip install 'fastnlp-core[workflows]'")
    try:
        hera_main()  # type: ignore[no-untyped-call]  # Hera leaves its main without annotations
    finally:
        if sys.argv[1:] in ([], ["-h"], ["--help"]):
            print("\n  Of fastnlp-core:\n    submit  Run a workflow on Argo or on this machine (hera submit --help).")
    return None


if __name__ == "__main__":
    sys.exit(main())
