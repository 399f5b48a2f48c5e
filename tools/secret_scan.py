"""Look for keys and passwords in every file git tracks or would track; prints file and line, never the secret.

Only detectors of known formats run: the entropy detectors of detect-secrets take every hash for a secret.
"""

import subprocess
import sys
from pathlib import Path

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.core.scan import scan_file
from detect_secrets.settings import transient_settings

NOT_FORMATS = {"Base64HighEntropyString", "HexHighEntropyString", "KeywordDetector", "IPPublicDetector"}
# Locks are nothing but package names and hashes.
SKIPPED = ("requirements/", "Cargo.lock")


def tracked_files(root: Path) -> list[str]:
    """Paths below `root` that git tracks, or would after `git add`."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return sorted(name for name in set(listing.split("\0")) if name and not name.startswith(SKIPPED))


def findings(root: Path) -> list[str]:
    """`file:line: kind` of everything that looks like a secret below `root`."""
    plugins: list[type] = list(get_mapping_from_secret_type_to_class().values())
    detectors = {plugin.__name__ for plugin in plugins} - NOT_FORMATS
    found = []
    with transient_settings({"plugins_used": [{"name": name} for name in sorted(detectors)]}):
        for name in tracked_files(root):
            file = root / name
            if file.is_file():
                found += [f"{name}:{secret.line_number}: {secret.type}" for secret in scan_file(str(file))]
    return sorted(found)


def main() -> None:
    """Scan the folder named on the command line, or the current one."""
    found = findings(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve())
    for line in found:
        print(line, file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
