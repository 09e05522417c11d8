"""The floor under the cost of a pod: what the kernel needs, over raw netlink, and nothing else.

Each "pod" is a named network namespace with lo up and a veth pair into a bridge of one of some
"nodes", an address, both ends up and a default route. One thread, no fork, one socket for each
namespace, one batch for each side. Run in a private namespace (`unshare --net --mount`); prints
seconds for each pod as JSON. Self-contained: nothing of netemu, nothing but the standard library.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import struct
import sys
import time
from pathlib import Path

RUN = Path("/run/floor")

NEWLINK, NEWADDR, NEWROUTE = 16, 20, 24
REQUEST, ACK, CREATE, EXCL = 0x1, 0x4, 0x400, 0x200
IFLA_IFNAME, IFLA_MASTER, IFLA_LINKINFO, IFLA_NET_NS_FD = 3, 10, 18, 28
IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER = 1, 2, 1
IFA_ADDRESS, IFA_LOCAL = 1, 2
RTA_OIF, RTA_GATEWAY = 4, 5
CLONE_NEWNET, MS_BIND = 0x40000000, 4096

libc = ctypes.CDLL(None, use_errno=True)


def check(status: int) -> None:
    """Raise what the C library said."""
    if status != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def attribute(kind: int, data: bytes) -> bytes:
    """Pack one attribute, padded."""
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def message(kind: int, flags: int, body: bytes) -> bytes:
    """Pack one message that wants an acknowledgement."""
    return struct.pack("=IHHII", 16 + len(body), kind, REQUEST | ACK | flags, 1, 0) + body


def link(index: int, *, up: bool) -> bytes:
    """Pack a struct ifinfomsg."""
    return struct.pack("=BxHiII", 0, 0, index, int(up), int(up))


def name(text: str) -> bytes:
    """Pack IFLA_IFNAME."""
    return attribute(IFLA_IFNAME, text.encode() + b"\0")


def bridge_message() -> bytes:
    """Make and raise the bridge, with index 2."""
    info = attribute(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, b"bridge\0"))
    return message(NEWLINK, CREATE | EXCL, link(2, up=True) + name("cni0") + info)


def veth_message(number: int, ns_fd: int) -> bytes:
    """Make a veth pair: one end up in the bridge, the other as eth0 with index 2 in a namespace."""
    peer = link(2, up=False) + name("eth0") + attribute(IFLA_NET_NS_FD, struct.pack("=I", ns_fd))
    data = attribute(IFLA_INFO_DATA, attribute(VETH_INFO_PEER, peer))
    info = attribute(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, b"veth\0") + data)
    master = attribute(IFLA_MASTER, struct.pack("=I", 2))
    return message(NEWLINK, CREATE | EXCL, link(0, up=True) + name(f"ve{number}") + master + info)


def pod_messages(ip: bytes, gateway: bytes) -> bytes:
    """Raise lo and eth0, with an address and a default route."""
    address = struct.pack("=BBBBI", socket.AF_INET, 24, 0, 0, 2)
    route = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, 254, 3, 0, 1, 0)
    oif = attribute(RTA_OIF, struct.pack("=I", 2))
    return b"".join(
        (
            message(NEWLINK, 0, link(1, up=True)),
            message(NEWADDR, CREATE | EXCL, address + attribute(IFA_LOCAL, ip) + attribute(IFA_ADDRESS, ip)),
            message(NEWLINK, 0, link(2, up=True)),
            message(NEWROUTE, CREATE | EXCL, route + attribute(RTA_GATEWAY, gateway) + oif),
        )
    )


def exchange(sock: socket.socket, batch: bytes, count: int) -> None:
    """Send a batch and read its acknowledgements."""
    sock.send(batch)
    while count > 0:
        answer, offset = sock.recv(65536), 0
        while offset < len(answer):
            length, kind, _, _, _, error = struct.unpack_from("=IHHIIi", answer, offset)
            if kind == 2 and error:
                raise OSError(-error, os.strerror(-error))
            offset += length + 3 & ~3
            count -= 1


def new_namespace(path: Path) -> tuple[int, socket.socket]:
    """Enter a new, named namespace; give its descriptor and a netlink socket in it."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    check(libc.unshare(CLONE_NEWNET))
    check(libc.mount(b"/proc/thread-self/ns/net", os.fsencode(path), b"none", ctypes.c_ulong(MS_BIND), None))
    return os.open(path, os.O_RDONLY), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)


def make_pod(number: int, nodes: list[tuple[int, socket.socket]], home: int) -> None:
    """Wire one pod to its node's bridge."""
    _, node_socket = nodes[number % len(nodes)]
    host = number // len(nodes) + 2
    ns_fd, pod_socket = new_namespace(RUN / f"pod-{number}")
    check(libc.setns(home, CLONE_NEWNET))
    exchange(node_socket, veth_message(number, ns_fd), 1)
    prefix = bytes((10, 244, number % len(nodes)))
    exchange(pod_socket, pod_messages(prefix + bytes((host,)), prefix + b"\1"), 4)
    pod_socket.close()
    os.close(ns_fd)


def main(count: int, node_count: int) -> None:
    """Make ``count`` pods and print how long each took."""
    RUN.mkdir(parents=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    nodes = [new_namespace(RUN / f"node-{number}") for number in range(node_count)]
    for _, sock in nodes:
        exchange(sock, bridge_message(), 1)
    check(libc.setns(home, CLONE_NEWNET))
    start = time.monotonic()
    for number in range(count):
        make_pod(number, nodes, home)
    total_s = time.monotonic() - start
    print(json.dumps({"pods": count, "total_s": total_s, "per_pod_ms": total_s / count * 1000}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
