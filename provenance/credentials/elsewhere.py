"""Credentials that do not lie in their file: in a sidecar beside it, or at an address that the file names.

    sidecar_of(path) -> bytes      of FILE.c2pa; or of STEM.c2pa, as others name it, where no other file has that stem
    fetch(url, hosts) -> bytes     nothing is fetched unless somebody lists the hosts that may be asked

What is fetched is named by strangers, so an address is asked only over https, only where its host is on the list, and
only at places in the public internet: else a file could have a server ask its own neighbours. The address is resolved
once, checked, and dialled as it was checked; redirections are checked like any address.
"""

import contextlib
import http.client
import ipaddress
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from media.errors import UnreadableError, UsageError

SUFFIX = ".c2pa"
LARGEST = 32 << 20  # bytes of a manifest store
SECONDS = 20.0  # that fetching may take, all in all
REDIRECTIONS = 3
PIECE = 1 << 16
# IPv6 networks whose addresses wrap one of IPv4, whatever that may be: mapped, NAT64, 6to4, Teredo.
WRAPPING = [ipaddress.ip_network(name) for name in ("::/96", "::ffff:0:0/96", "64:ff9b::/96", "2002::/16", "2001::/32")]


def beside(path: Path) -> Path:
    """Where the sidecar of a file is written."""
    return path.with_name(path.name + SUFFIX)


def find_sidecar(path: Path) -> Path | None:
    """The sidecar of a file, None where there is none."""
    whole, stem = beside(path), path.with_suffix(SUFFIX)
    if whole.is_file():
        return whole
    if stem == path or not stem.is_file():
        return None
    shared = (entry.name for entry in os.scandir(path.parent) if Path(entry.name).stem == path.stem)
    return None if set(shared) - {path.name, stem.name} else stem


def read_sidecar(path: Path) -> bytes:
    """The manifest store in a sidecar, unchecked.

    Raises:
        UnreadableError: it cannot be read, is empty, or is too large for one.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise UnreadableError(f"{path}: sidecar cannot be read ({error.strerror})") from error
    if not data or len(data) > LARGEST:
        raise UnreadableError(
            f"{path}: a sidecar holds 1 to {LARGEST} bytes; this one is {'larger' if data else 'empty'}"
        )
    return data


def check_url(url: str) -> str:
    """An address at which a manifest may lie, as it was given.

    Raises:
        UsageError: it is none that could ever be fetched.
    """
    try:
        _place(url)
    except UnreadableError as error:
        raise UsageError(str(error)) from error
    return url


def fetch(
    url: str,
    hosts: Collection[str],
    *,
    public: Callable[[str], bool] | None = None,
    trust: ssl.SSLContext | None = None,
    seconds: float = SECONDS,
) -> bytes:
    """The manifest store at an address.

    Args:
        hosts: that may be asked: "host", or "host:port" for another port than 443.
        public: whether an IP address may be dialled; those of the public internet when left out.
        trust: what certificates of servers are checked against; the system's when left out.

    Raises:
        UnreadableError: the address may not be asked, or gives no manifest within its time and size.
    """
    allowed = {host.lower().rstrip(".") for host in hosts}
    until = time.monotonic() + seconds
    for _ in range(REDIRECTIONS + 1):
        host, port, target = _place(url)
        if (host if port == 443 else f"{host}:{port}") not in allowed:
            raise UnreadableError(f"{url}: {host} is not on the list of hosts that may be asked (--fetch)")
        try:
            answer = _asked(host, port, target, public or is_public, trust, until)
        except (OSError, http.client.HTTPException) as error:
            raise UnreadableError(f"{url}: cannot be fetched ({getattr(error, 'strerror', None) or error})") from error
        if isinstance(answer, bytes):
            return answer
        url = urljoin(url, answer)
    raise UnreadableError(f"{url}: more than {REDIRECTIONS} redirections")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet: no private network, not this machine, no group of many."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if any(parsed in network for network in WRAPPING if network.version == parsed.version):
        return False
    return parsed.is_global and not parsed.is_multicast


def _place(url: str) -> tuple[str, int, str]:
    """Host in lower case, port, and what to ask it for."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        name = host.encode("idna").decode().lower().rstrip(".") if host and ":" not in host else host
    except (ValueError, UnicodeError):
        name, port, parts = None, None, urlsplit("")
    if parts.scheme != "https" or not name or "@" in parts.netloc or port == 0:
        raise UnreadableError(f"{url}: no address of credentials; it begins with https:// and a host")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.isascii() or any(c <= " " or c == "\x7f" for c in target):
        raise UnreadableError(f"{url}: no address of credentials; it holds signs that an address cannot hold")
    return name, port or 443, target


def _asked(
    host: str, port: int, target: str, public: Callable[[str], bool], trust: ssl.SSLContext | None, until: float
) -> bytes | str:
    """What the server answers, or where it points to."""
    addresses = [str(item[4][0]) for item in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not addresses or not all(public(address) for address in addresses):
        raise OSError("it lies in a network that is not public")
    link = _Pinned(host, port, addresses[0], trust or ssl.create_default_context(), until)
    clock = threading.Timer(_left(until), link.end)
    clock.start()
    try:
        link.request("GET", target, headers={"Accept": "application/c2pa", "Accept-Encoding": "identity"})
        answer = link.getresponse()
        if answer.status in (301, 302, 303, 307, 308):
            return answer.getheader("Location", "")
        if answer.status != 200:
            raise OSError(f"the server answers {answer.status}")
        return _body(answer, until)
    except (OSError, http.client.HTTPException):
        _left(until)  # a connection that was ended here fails in many ways
        raise
    finally:
        clock.cancel()
        link.close()


def _body(answer: http.client.HTTPResponse, until: float) -> bytes:
    data = bytearray()
    while piece := answer.read1(PIECE):
        data += piece
        if len(data) > LARGEST:
            raise OSError(f"more than {LARGEST >> 20} MiB")
    _left(until)
    if not data or answer.length:
        raise OSError("it breaks off" if data else "it is empty")
    return bytes(data)


class _Pinned(http.client.HTTPSConnection):
    """Dials the address that was checked, whatever the name means by then."""

    def __init__(self, host: str, port: int, address: str, trust: ssl.SSLContext, until: float) -> None:
        super().__init__(host, port, context=trust)
        self._address, self._trust, self._until = address, trust, until
        self._link: socket.socket | None = None  # `sock` is gone once the head of an answer says that it is the last

    def connect(self) -> None:
        self._link = socket.create_connection((self._address, self.port), timeout=_left(self._until))
        self.sock = self._link = self._trust.wrap_socket(self._link, server_hostname=self.host)

    def end(self) -> None:
        """Break off, from another thread, however slowly something comes."""
        if self._link is not None:
            with contextlib.suppress(OSError):
                self._link.shutdown(socket.SHUT_RDWR)


def _left(until: float) -> float:
    """Seconds; raises TimeoutError when there are none."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("it takes too long")
    return left
