"""Ports of the API, and the names that its certificate has."""

from __future__ import annotations

import socket
import subprocess
import sys
from ipaddress import IPv4Address

import pytest

from netemu.cluster import api_access
from netemu.cluster.api_access import ApiPortError, listen_here
from netemu.cluster.api_address import api_address, read_port, server_names
from netemu.cluster.world import plan_world
from netemu.settings import Paths, Settings


@pytest.fixture
def paths(tmp_path):
    return Paths(state=tmp_path, run=tmp_path)


@pytest.fixture
def free_port(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    monkeypatch.setattr(api_access, "API_PORT", port)
    return port


def test_the_port_is_kept_over_restarts(paths, free_port, monkeypatch):
    listen_here(Settings(), paths).close()
    assert read_port(paths) == free_port

    monkeypatch.setattr(api_access, "API_PORT", free_port - 1)
    with listen_here(Settings(), paths) as again:
        assert again.getsockname() == ("127.0.0.1", free_port)


def test_a_second_cluster_takes_the_next_port(paths, free_port):
    with listen_here(Settings(), paths) as first, listen_here(Settings(), paths) as second:
        assert second.getsockname()[1] > first.getsockname()[1]


def test_a_port_that_was_asked_for_is_that_one_or_none(paths, free_port):
    wanted = Settings(api_port=free_port)
    with listen_here(wanted, paths), pytest.raises(ApiPortError, match=str(free_port)):
        listen_here(wanted, paths)


def test_the_apis_address_is_nobody_elses():
    settings = Settings()
    world = plan_world(settings)
    taken = {world.outside_address, *(node.address for node in world.nodes)}

    assert api_address(settings).ip == IPv4Address("172.30.0.2")
    assert api_address(settings) not in taken


def test_the_server_is_known_by_every_name_that_clients_use():
    names, addresses = server_names(Settings(cluster_domain="k8sprod.adaltas.cloud"))

    assert "kubernetes.default.svc.k8sprod.adaltas.cloud" in names
    assert [str(address) for address in addresses] == ["127.0.0.1", "10.96.0.1", "172.30.0.2"]


def test_a_daemon_loads_what_signs_only_when_it_signs():
    code = "import netemu.cluster.wiring, sys; sys.exit('cryptography' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
