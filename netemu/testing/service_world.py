"""[IO] A small network to try Services on: nodes with pods, a client outside, and real servers.

For kernel tests in private namespaces. Two nodes on one switch, which is also the client outside; pods a
and b on node-1, c and d on node-2. Each pod answers on port 8080, TCP and UDP, with its name and the
address of who asks. Everything has addresses of both families.
"""

from __future__ import annotations

import asyncio
import errno
import os
import selectors
import socket
import subprocess
import threading
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from netemu.api.client import Client
from netemu.api.kinds import ENDPOINT_SLICE, NODE, SERVICE, SERVICE_CIDR
from netemu.informer.cache import Cache
from netemu.informer.watch import Informer
from netemu.linux import netns
from netemu.naming import NodeName
from netemu.proxy.loop import OpenSyncer, Proxy
from netemu.proxy.syncer import PERIOD_S
from netemu.settings import Settings

TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM
TIMEOUT_S = 2.0
_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH}
SILENCE_S = 0.6  # for what may not be answered: datagrams that are lost, addresses that nobody has
PODS = {"a": "10.244.1.2", "b": "10.244.1.3", "c": "10.244.2.2", "d": "10.244.2.3"}
NODES = {"node-1": "172.30.0.11", "node-2": "172.30.0.12"}
PODS6 = {"a": "fd00:244:1::2", "b": "fd00:244:1::3", "c": "fd00:244:2::2", "d": "fd00:244:2::3"}
NODES6 = {"node-1": "fd00:172::11", "node-2": "fd00:172::12"}
OUTSIDE, OUTSIDE6 = "172.30.0.1", "fd00:172::1"
PORT = 8080
SETTINGS = Settings(
    host_cidr=("172.30.0.0/16", "fd00:172::/64"),
    pod_cidr=("10.244.0.0/16", "fd00:244::/32"),
    service_cidr=("10.96.0.0/16", "fd00:96::/112"),
)

Places = Mapping[str, int]  # descriptors of namespaces by name


@contextmanager
def world() -> Iterator[Places]:
    """Make it for the length of a block."""
    prefix = f"t{uuid4().hex[:6]}"
    with _made_namespaces(prefix, ["outside", *NODES, *PODS]) as fds:
        ip(
            fds["outside"],
            "link add br0 type bridge",
            "addr add 172.30.0.1/16 dev br0",
            "addr add fd00:172::1/64 dev br0 nodad",
            "link set br0 up",
        )
        for number, (node, address) in enumerate(NODES.items(), 1):
            _add_node(prefix, fds, node, address, number)
        for node, pod in (("node-1", "a"), ("node-1", "b"), ("node-2", "c"), ("node-2", "d")):
            _add_pod(prefix, fds, node, pod)
        ip(
            fds["outside"],
            "route add 10.96.0.0/16 via 172.30.0.11",
            "route add fd00:96::/112 via fd00:172::11",
        )
        with served(Server(pod, fds[pod], address) for pod in PODS for address in ("0.0.0.0", "::")):
            yield fds


@contextmanager
def _made_namespaces(prefix: str, places: Iterable[str]) -> Iterator[Places]:
    fds: dict[str, int] = {}
    try:
        for place in places:
            netns.create(f"{prefix}-{place}")
            fds[place] = netns.open_ns(f"{prefix}-{place}")
            # Addresses are known to be free, and nobody wants to wait a second for each.
            _write_sysctl(fds[place], "ipv6/conf/default/accept_dad", "0")
            # Redirects would lead past the node that was asked.
            _write_sysctl(fds[place], "ipv6/conf/default/accept_redirects", "0")
        yield fds
    finally:
        for place, fd in fds.items():
            os.close(fd)
            netns.delete(f"{prefix}-{place}")


def ip(fd: int, *commands: str) -> None:
    """Run iproute2's commands in a namespace."""
    lines = "".join(f"{command}\n" for command in commands)
    argv = ["nsenter", f"--net=/proc/self/fd/{fd}", "ip", "-batch", "-"]
    subprocess.run(argv, input=lines.encode(), check=True, pass_fds=(fd,))


def _write_sysctl(fd: int, name: str, value: str) -> None:
    with netns.entered(fd):
        Path("/proc/sys/net", name).write_text(value)


def _add_node(prefix: str, fds: Places, node: str, address: str, number: int) -> None:
    other = 3 - number
    # Redirects and refusals share one budget for each peer: the one would use up the other's.
    for scope in ("all", "default"):
        _write_sysctl(fds[node], f"ipv4/conf/{scope}/send_redirects", "0")
    ip(
        fds["outside"],
        f"link add p{number} type veth peer name eth0 netns {prefix}-{node}",
        f"link set p{number} master br0 up",
    )
    ip(
        fds[node],
        f"addr add {address}/16 dev eth0",
        "link set eth0 up",
        "route add default via 172.30.0.1",
        "link add cni0 type bridge",
        f"addr add 10.244.{number}.1/24 dev cni0",
        "link set cni0 up",
        f"route add 10.244.{other}.0/24 via 172.30.0.1{other}",
        "route add 10.96.0.0/16 dev eth0",
        f"addr add {NODES6[node]}/64 dev eth0 nodad",
        "route add default via fd00:172::1",
        f"addr add fd00:244:{number}::1/64 dev cni0 nodad",
        f"route add fd00:244:{other}::/64 via fd00:172::1{other}",
    )
    _write_sysctl(fds[node], "ipv4/ip_forward", "1")
    _write_sysctl(fds[node], "ipv6/conf/all/forwarding", "1")
    _write_sysctl(fds[node], "ipv6/icmp/ratelimit", "0")


def _add_pod(prefix: str, fds: Places, node: str, pod: str) -> None:
    ip(
        fds[node],
        f"link add v{pod} type veth peer name eth0 netns {prefix}-{pod}",
        f"link set v{pod} master cni0 up",
        f"link set v{pod} type bridge_slave hairpin on",
    )
    gateway = PODS[pod].rsplit(".", 1)[0] + ".1"
    gateway6 = PODS6[pod].rsplit(":", 1)[0] + ":1"
    ip(
        fds[pod],
        f"addr add {PODS[pod]}/24 dev eth0",
        "link set eth0 up",
        f"route add default via {gateway}",
        f"addr add {PODS6[pod]}/64 dev eth0 nodad",
        f"route add default via {gateway6}",
    )


class Server(NamedTuple):
    """Somebody who answers in a namespace."""

    name: str
    fd: int
    address: str
    port: int = PORT


@contextmanager
def served(servers: Iterable[Server]) -> Iterator[None]:
    """Have servers for TCP and UDP, which say who they are and whom they see, for the length of a block."""
    waker, stop = socket.socketpair()
    with selectors.DefaultSelector() as ready:
        ready.register(waker, selectors.EVENT_READ, None)
        for server in servers:
            listener = _bound(server, TCP)
            listener.listen(1024)
            ready.register(listener, selectors.EVENT_READ, partial(_answer_tcp, listener, server.name))
            datagrams = _bound(server, UDP)
            ready.register(datagrams, selectors.EVENT_READ, partial(_answer_udp, datagrams, server.name))
        thread = threading.Thread(target=_serve, args=(ready,))
        thread.start()
        try:
            yield
        finally:
            stop.close()
            thread.join()
            for key in list(ready.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]


def _bound(server: Server, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET6 if ":" in server.address else socket.AF_INET
    sock = netns.open_socket(server.fd, family, kind)
    if family is socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((server.address, server.port))
    return sock


def _serve(ready: selectors.BaseSelector) -> None:
    while True:
        for key, _ in ready.select():
            if key.data is None:
                return
            key.data()


def _answer_tcp(listener: socket.socket, pod: str) -> None:
    connection, peer = listener.accept()
    with connection:
        connection.sendall(f"{pod} {peer[0]}".encode())


def _answer_udp(datagrams: socket.socket, pod: str) -> None:
    _, peer = datagrams.recvfrom(100)
    datagrams.sendto(f"{pod} {peer[0]}".encode(), peer)


def ask(fd: int, address: str, port: int, kind: socket.SocketKind = TCP, timeout_s: float = TIMEOUT_S) -> str:
    """Ask once; give the answer, or how it failed.

    Returns:
        What the other side said, "refused", "unreachable", or "nothing" when it is silent.

    """
    with netns.open_socket(fd, socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as sock:
        sock.settimeout(timeout_s)
        try:
            sock.connect((address, port))
            return ask_again(sock, kind)
        except ConnectionRefusedError:
            return "refused"
        except TimeoutError:
            return "nothing"
        except OSError as err:
            if err.errno in _UNREACHABLE:
                return "unreachable"
            raise


def ask_again(sock: socket.socket, kind: socket.SocketKind) -> str:
    """Ask on a socket that is connected."""
    if kind == UDP:
        # A node that refuses its own datagram says so at once; the reason comes with `recv`.
        with suppress(PermissionError):
            sock.send(b"who?")
    return sock.recv(100).decode()


@asynccontextmanager
async def proxied(
    places: Places,
    client: Client,
    *,
    period_s: float = PERIOD_S,
    settings: Settings = SETTINGS,
    open_syncer: OpenSyncer | None = None,
) -> AsyncIterator[Proxy]:
    """Have a proxy for both nodes, which holds all Services when the block begins."""
    cache = Cache()
    informer = Informer(client, cache, [SERVICE, ENDPOINT_SLICE, NODE, SERVICE_CIDR])
    proxy = Proxy(cache, informer, settings, period_s=period_s, open_syncer=open_syncer)
    for node, address in NODES.items():
        proxy.add_node(NodeName(node), [ip_address(address), ip_address(NODES6[node])], places[node])
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(informer.run()), group.create_task(proxy.run())]
        try:
            await proxy.wait_synced()
            yield proxy
        finally:
            for task in tasks:
                task.cancel()
