"""What views make of objects that only validation as Kubernetes has it has seen."""

import pytest

from netemu.api.requests import amounts
from netemu.api.views import view
from netemu.api.views.core import Node, Pod
from netemu.proxy.views import Hints


def pod(ports=(), **status):
    container = {"name": "c", "image": "httpd", "ports": list(ports)}
    return {"metadata": {"name": "p"}, "spec": {"containers": [container]}, "status": status}


@pytest.mark.parametrize("capacity", [4, 4.0, "4", "4000m"])
def test_a_node_may_give_its_amounts_as_numbers(capacity):
    node = view(Node, {"metadata": {"name": "n"}, "status": {"allocatable": {"pods": capacity}}})

    assert amounts(node.status.allocatable) == {"pods": 4}


def test_a_host_port_of_zero_is_none():
    (port,) = view(Pod, pod(ports=[{"containerPort": 80, "hostPort": 0}])).spec.containers[0].ports

    assert not port.host_port


def test_a_status_may_say_anything():
    odd = view(Pod, pod(phase="Odd", conditions=[{}, {"type": "Ready", "status": "Perhaps"}]))

    assert (odd.status.phase, odd.has_condition("Ready")) == ("Odd", False)


def test_a_hint_without_a_name_is_for_nobody():
    assert view(Hints, {"forZones": [{}]}).for_zones[0].name == ""
