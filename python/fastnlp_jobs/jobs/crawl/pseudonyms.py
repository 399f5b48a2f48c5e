"""Keyed pseudonyms: the same person keeps one name in all files, and only the key leads from a name to it.

A plain hash would not do: who has a list of user names can hash them all and compare.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from fastnlp_jobs.errors import BadInput

PUBLIC_EXAMPLE_KEY = "fastnlp public example key: protects nobody"
ENVIRONMENT = "FASTNLP_PSEUDONYM_KEY"
KEY_FILE = Path("~/.config/fastnlp/pseudonym.key")
_IN_CONTAINER = "FASTNLP_CONTAINER"  # set in every image of docker/Dockerfile
_BLOCK_BYTES = 64  # of SHA-256
_DIGITS = 32
_KEY_ID_DIGITS = 8
_SHORTEST_KEY = 16


def pseudonymizer(key: str) -> Callable[[str], str]:
    """The function from a name to its pseudonym: the first 32 hex digits of HMAC-SHA256 over its UTF-8 bytes.

    RFC 2104, with both halves of the key hashed once: a third of the time of `hmac.digest` for a short name.
    """
    block = key.encode()
    block = (hashlib.sha256(block).digest() if len(block) > _BLOCK_BYTES else block).ljust(_BLOCK_BYTES, b"\0")
    inner_start = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
    outer_start = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def pseudonym(name: str) -> str:
        inner, outer = inner_start.copy(), outer_start.copy()
        inner.update(name.encode())
        outer.update(inner.digest())
        return outer.hexdigest()[:_DIGITS]

    return pseudonym


def key_id(key: str) -> str:
    """Tells two keys apart without telling the key."""
    return pseudonymizer(key)("fastnlp key id")[:_KEY_ID_DIGITS]


def check_key(key: str, where: str) -> str:
    """The key without surrounding whitespace.

    Raises:
        BadInput: it is too short to protect anyone.
    """
    key = key.strip()
    if len(key) < _SHORTEST_KEY:
        raise BadInput(f"{where}: expected at least {_SHORTEST_KEY} characters, got {len(key)}; use a longer key")
    return key


def read_key(path: Path) -> str:
    """The key in a key file.

    Raises:
        BadInput: the file cannot be read or holds no key.
    """
    try:
        return check_key(path.read_text(encoding="utf-8"), f"pseudonym_key_file: {path}")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"pseudonym_key_file: {path}: cannot read it ({error}); or set {ENVIRONMENT}") from error


def key_of_this_user() -> str:
    """The key in this user's key file, made at first use.

    Raises:
        BadInput: the file can neither be read nor made, or holds no key.
    """
    path = in_home(KEY_FILE)
    make_key_file(path)
    return read_key(path)


def in_home(path: Path) -> Path:
    """The path with the user's home in place of `~`.

    Raises:
        BadInput: there is no home.
    """
    try:
        return path.expanduser().resolve()
    except RuntimeError as error:
        raise BadInput(
            f"pseudonym_key_file: {path}: this user has no home folder; set {ENVIRONMENT} or another path"
        ) from error


def make_key_file(path: Path) -> None:
    """Create a random key that only this user can read, and say so; a file that exists is left as it is.

    Raises:
        BadInput: it cannot be created, or this is a container, whose key would vanish with it.
    """
    import secrets

    from fastnlp_jobs import events

    if path.exists():
        return
    if os.environ.get(_IN_CONTAINER):
        raise BadInput(
            f"{ENVIRONMENT} is not set, and a key made in a container would vanish with it; pass the variable "
            f"(docker run --env {ENVIRONMENT}), or set public_example_key: true for an example"
        )
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
            handle.write(secrets.token_hex(32) + "\n")
        with contextlib.suppress(FileExistsError):  # another run was first: its key stays
            os.link(fresh, path)
        fresh.unlink()
    except OSError as error:
        raise BadInput(
            f"pseudonym_key_file: cannot create {path} ({error.strerror}); set {ENVIRONMENT} or another path"
        ) from error
    events.event(
        "made a pseudonym key; keep it secret and safe: under another key people get other pseudonyms", file=str(path)
    )
