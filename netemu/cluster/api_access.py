"""[IO] Where the API server listens with TLS, and with which keys.

A loopback address of the machine is for its users, an address of the hosts range inside
``fabric`` for pods: that is the endpoint of ``kubernetes.default.svc``.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from netemu.api.client import Object
from netemu.apiserver.auth.accounts import ServiceAccounts
from netemu.apiserver.auth.authorizer import AlwaysAllow
from netemu.apiserver.auth.guard import Guard
from netemu.apiserver.auth.lifetimes import LASTING_LIFETIME_S
from netemu.apiserver.auth.rbac import Rbac
from netemu.apiserver.http import BACKLOG, Secure
from netemu.apiserver.registry import Registry
from netemu.clock import system_clock
from netemu.cluster.api_address import API_PORT, LOOPBACK, api_address, read_port
from netemu.cluster.world import World
from netemu.controllers.signing import Sign
from netemu.errors import NetemuError
from netemu.linux import netns
from netemu.pki.files import PkiFiles
from netemu.pki.tokens import TokenKey
from netemu.settings import Paths, Settings

PORTS_TRIED = 1000


class ApiPortError(NetemuError):
    """The API cannot listen where it should."""

    code = "CLUSTER_API_PORT_TAKEN"


class Access(NamedTuple):
    """How the API is reached with TLS, and who decides about it."""

    secure: Secure
    guard: Guard
    accounts: ServiceAccounts
    ca: str
    sign: Sign

    def issue_token(self, pod: Object, audience: str, lifetime_s: int) -> str:
        """Give a pod's ServiceAccount a token."""
        return self.accounts.issue_for(pod, audience, lifetime_s).token

    def issue_lasting(self, account: Object, secret: Object) -> str:
        """Give a ServiceAccount a token that lasts as long as the Secret that holds it."""
        return self.accounts.issue(account, lifetime_s=LASTING_LIFETIME_S, bound=secret).token


@contextmanager
def opened(world: World, settings: Settings, paths: Paths, registry: Registry) -> Iterator[Access]:
    """Listen on both addresses, and read the keys, for as long as the block runs.

    Raises:
        ApiPortError: the port that was asked for is taken.

    """
    files = PkiFiles(paths.pki)
    issuer = f"https://kubernetes.default.svc.{settings.cluster_domain}"
    key = TokenKey(files.service_account_key.read_bytes())
    accounts = ServiceAccounts(registry, key, issuer, system_clock)
    guard = Guard(Rbac(registry) if settings.authorization == "RBAC" else AlwaysAllow(), accounts)
    with netns.opened(paths.netns / world.fabric) as fabric_fd:
        family = socket.AF_INET if settings.hosts.version == 4 else socket.AF_INET6
        inside = netns.open_socket(fabric_fd, family, socket.SOCK_STREAM)
    sockets = (_listening(inside, str(api_address(settings).ip), API_PORT), listen_here(settings, paths))
    try:
        ca = files.ca.read_bytes()
        secure = Secure(sockets, server_tls(files))
        yield Access(secure, guard, accounts, ca.decode(), _signing(ca, files.ca_key.read_bytes()))
    finally:
        for sock in sockets:
            sock.close()


def _signing(ca: bytes, key: bytes) -> Sign:
    """Sign with the cluster's CA; the library, of 11 MB, is loaded with the first request."""

    def sign(request: bytes, usages: Collection[str], *, now_s: float, lifetime_s: float) -> bytes:
        from netemu.pki.signing import Signer

        return Signer(ca, key).sign(request, usages, now_s=now_s, lifetime_s=lifetime_s)

    return sign


def server_tls(files: PkiFiles) -> ssl.SSLContext:
    """Speak TLS 1.2 and newer; a client may show a certificate of this cluster's CA."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    tls.load_cert_chain(files.server, files.server_key)
    tls.load_verify_locations(files.ca)
    tls.verify_mode = ssl.CERT_OPTIONAL
    tls.set_alpn_protocols(["http/1.1"])
    return tls


def listen_here(settings: Settings, paths: Paths) -> socket.socket:
    """Listen on the machine's loopback, on the port of last time or the first one that is free.

    Raises:
        ApiPortError: the port that was asked for is taken.

    """
    if settings.api_port:
        return _noted(paths, _loopback(settings.api_port))
    recorded = read_port(paths)
    for port in (*([recorded] if recorded else ()), *range(API_PORT, API_PORT + PORTS_TRIED)):
        try:
            return _noted(paths, _loopback(port))
        except ApiPortError:
            continue
    raise ApiPortError(
        f"no port from {API_PORT} to {API_PORT + PORTS_TRIED} is free on {LOOPBACK}",
        hint="Name another: netemu up --api-port PORT",
    )


def _noted(paths: Paths, sock: socket.socket) -> socket.socket:
    port = sock.getsockname()[1]
    if read_port(paths) != port:
        new = paths.api_port.with_suffix(".new")
        new.write_text(f"{port}\n")
        new.replace(paths.api_port)
    return sock


def _loopback(port: int) -> socket.socket:
    return _listening(socket.socket(socket.AF_INET, socket.SOCK_STREAM), LOOPBACK, port)


def _listening(sock: socket.socket, address: str, port: int) -> socket.socket:
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(BACKLOG)
    except OSError as err:
        sock.close()
        if err.errno in (errno.EADDRINUSE, errno.EACCES):
            raise ApiPortError(
                f"the API cannot listen on {address}:{port}: {err.strerror}",
                hint="Choose another port: netemu up --api-port PORT, or none for the first free one.",
            ) from err
        raise
    sock.setblocking(False)
    return sock
