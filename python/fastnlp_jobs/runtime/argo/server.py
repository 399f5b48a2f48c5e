"""Which Argo server is meant: flags first, then the variables that `argo` itself reads."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from fastnlp_jobs.errors import BadInput

DEFAULT_NAMESPACE = "default"
_TRUE, _FALSE = {"1", "t", "true"}, {"0", "f", "false"}  # what Go, and so `argo`, reads as truth
_TOKEN = re.compile(r"[!-~]+( [!-~]+)?")


@dataclass(frozen=True)
class Server:
    """An argo-server and how to speak to it."""

    url: str  # scheme, host and base path; ends in /
    namespace: str | None  # where a workflow goes that names no namespace itself
    verify: bool | str  # a file of certificates to trust; True: the usual ones; False: any
    authorization: str | None = field(repr=False)  # the whole header; never printed

    def link(self, namespace: str, name: str) -> str:
        """The page of a workflow in Argo's own interface."""
        return f"{self.url}workflows/{namespace}/{name}"


def named_server(
    environment: Mapping[str, str],
    *,
    address: str | None = None,
    certificate_authority: Path | None = None,
    insecure: bool = False,
) -> Server | None:
    """The server that flags or `ARGO_*` name; None where they name none.

    Args:
        environment: ARGO_SERVER, ARGO_SECURE, ARGO_BASE_HREF, ARGO_TOKEN, ARGO_NAMESPACE, ARGO_INSECURE_SKIP_VERIFY.
        address: goes before ARGO_SERVER; HOST:PORT or a URL.
        certificate_authority: file of certificates that vouch for the server.
        insecure: take any certificate.

    Raises:
        BadInput: an address, a truth value or a token that cannot be one.
    """
    given = address or environment.get("ARGO_SERVER")
    if not given:
        return None
    where = "--argo-server" if address else "ARGO_SERVER"
    secure = _truth(environment, "ARGO_SECURE", default=True)
    if certificate_authority is not None and not certificate_authority.is_file():
        raise BadInput(f"--certificate-authority {certificate_authority}: no such file; give a PEM file")
    insecure = insecure or _truth(environment, "ARGO_INSECURE_SKIP_VERIFY", default=False)
    return Server(
        url=_normal(where, given.strip(), secure, environment.get("ARGO_BASE_HREF", "")),
        namespace=environment.get("ARGO_NAMESPACE") or None,
        verify=not insecure if certificate_authority is None else str(certificate_authority),
        authorization=_authorization(environment.get("ARGO_TOKEN", "")),
    )


def _normal(where: str, address: str, secure: bool, base: str) -> str:
    """Scheme, host and base path with a slash at the end; a scheme or path in the address wins."""
    url = address if "://" in address else f"{'https' if secure else 'http'}://{address}"
    expected = "expected HOST:PORT or https://HOST:PORT/BASE/"
    try:
        parts = urlsplit(url)
        _ = parts.port  # checked when it is read
    except ValueError as error:
        raise BadInput(f"{where}: {expected}, got another form ({error})") from error
    if parts.username or parts.password:
        raise BadInput(f"{where}: {expected}, got a user name or password in it; a token goes into ARGO_TOKEN")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise BadInput(f"{where}: {expected}, got {address}")
    path = (parts.path.strip("/") or base.strip("/")) + "/"
    return f"{parts.scheme}://{parts.netloc}/{path.lstrip('/')}"


def _truth(environment: Mapping[str, str], variable: str, *, default: bool) -> bool:
    text = environment.get(variable)
    if not text:
        return default
    if text.lower() not in _TRUE | _FALSE:
        raise BadInput(f"{variable}: expected true or false, got {text}")
    return text.lower() in _TRUE


def _authorization(token: str) -> str | None:
    """`argo auth token` prints `Bearer …`, Kubernetes the bare token; both are taken."""
    token = token.strip()
    if not token:
        return None
    if not _TOKEN.fullmatch(token):  # the HTTP library would print it in its complaint
        raise BadInput(
            "ARGO_TOKEN: expected a token as `argo auth token` prints it, got blanks or other characters in it"
        )
    return token if " " in token else f"Bearer {token}"
