import os
import socket
import subprocess
import threading

import pytest

from netemu.errors import KernelError, PermissionDeniedError
from netemu.linux import netns, sysctl


def inode() -> int:
    return os.stat(netns.OWN).st_ino


def test_a_new_namespace_has_lo_up_and_a_name_that_iproute2_sees(node):
    listed = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    links = subprocess.run(
        ["ip", "-n", node, "-br", "link"], capture_output=True, text=True, check=True
    ).stdout

    assert node in listed.split()
    assert "LOOPBACK,UP" in links


def test_a_name_that_is_taken_is_refused_and_still_works_afterwards(node):
    with pytest.raises(KernelError, match="exists already"):
        netns.create(node)

    assert netns.exists(node)


def test_a_name_that_a_crash_left_without_a_namespace_is_taken_over():
    (netns.RUN_NETNS / "t-stale").touch()

    netns.create("t-stale")

    assert netns.exists("t-stale")
    netns.delete("t-stale")


def test_deleting_twice_is_no_error():
    netns.create("t-twice")
    netns.delete("t-twice")
    netns.delete("t-twice")

    assert "t-twice" not in netns.list_names()


def test_making_a_namespace_leaves_the_callers_thread_where_it_was():
    before = inode()
    netns.create("t-stay")
    netns.delete("t-stay")

    assert inode() == before


def fail_inside(ns_fd: int) -> None:
    with netns.entered(ns_fd):
        raise ValueError("boom")


def test_a_thread_returns_from_a_namespace_also_after_an_error(node_fd):
    before = inode()

    with pytest.raises(ValueError, match="boom"):
        fail_inside(node_fd)

    assert inode() == before


def test_entering_moves_one_thread_and_no_other(node_fd):
    before, seen = inode(), []
    inside = threading.Event()
    other = threading.Thread(target=lambda: (inside.wait(), seen.append(inode())))
    other.start()
    with netns.entered(node_fd):
        inside.set()
        other.join()

    assert seen == [before]


def test_a_socket_stays_in_the_namespace_that_it_was_made_in(node_fd):
    with netns.open_socket(node_fd, socket.AF_INET, socket.SOCK_STREAM) as inside:
        inside.bind(("127.0.0.1", 0))
        inside.listen()
        port = inside.getsockname()[1]
        with socket.socket() as outside, pytest.raises(ConnectionRefusedError):
            outside.connect(("127.0.0.1", port))
        with netns.open_socket(node_fd, socket.AF_INET, socket.SOCK_STREAM) as client:
            client.connect(("127.0.0.1", port))


def test_a_namespace_that_does_not_exist_is_named_in_the_error():
    with pytest.raises(KernelError, match="/run/netns/t-none"):
        netns.open_ns("t-none")


def test_sysctls_are_those_of_the_namespace_and_not_of_the_machine(node_fd):
    with netns.opened(netns.OWN) as own:
        before = sysctl.read(own, "net/ipv4/ip_forward")
        sysctl.write(node_fd, {"net/ipv4/ip_forward": 1, "net/ipv4/conf/lo/rp_filter": 2})

        assert sysctl.read(node_fd, "net/ipv4/ip_forward") == "1"
        assert sysctl.read(node_fd, "net/ipv4/conf/lo/rp_filter") == "2"
        assert sysctl.read(own, "net/ipv4/ip_forward") == before


def test_the_machines_own_sysctls_are_never_set():
    with (
        netns.opened("/proc/1/ns/net") as machine,
        pytest.raises(PermissionDeniedError, match="machine's own"),
    ):
        sysctl.write(machine, {"net/ipv4/ip_forward": 1})


def test_a_sysctl_that_does_not_exist_is_named(node_fd):
    assert not sysctl.has(node_fd, "net/ipv4/nothing")
    with pytest.raises(KernelError, match="net/ipv4/nothing"):
        sysctl.write(node_fd, {"net/ipv4/nothing": 1})
