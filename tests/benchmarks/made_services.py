"""Services and slices to measure with, by number: any number of them, all alike."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

ENDPOINTS = 2
NODES = 3
ENDPOINTS_OF_A_SLICE = 100  # what Kubernetes' own controller puts into one
PORT = 8080

_FIRST_POD = IPv4Address("10.244.0.2")
_PODS = 60_000  # in a range of 65,536; who comes after them has another port of the same pod
_SPARE_POD, _SPARE_PODS = IPv4Address("10.244.235.0"), 4999  # prime: no two turns of one Service are alike


def name(number: int) -> str:
    """Name a Service."""
    return f"service-{number}"


def service(number: int) -> dict[str, Any]:
    """Write a Service that selects nothing: its slices are `slices`."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name(number), "namespace": "default"},
        "spec": {"ports": [{"name": "http", "port": 80, "protocol": "TCP"}]},
    }


def slices(number: int, endpoints: int = ENDPOINTS) -> list[dict[str, Any]]:
    """Write the slices of a Service with so many endpoints."""
    firsts = range(0, endpoints, ENDPOINTS_OF_A_SLICE)
    return [_slice(number, first, min(endpoints - first, ENDPOINTS_OF_A_SLICE)) for first in firsts]


def endpoint(number: int) -> dict[str, Any]:
    """Write an endpoint."""
    return _endpoint(_FIRST_POD + number % _PODS, number)


def spare_endpoint(turn: int) -> dict[str, Any]:
    """Write an endpoint that no Service has at first."""
    return _endpoint(_SPARE_POD + turn % _SPARE_PODS, turn)


def _endpoint(address: IPv4Address, number: int) -> dict[str, Any]:
    return {
        "addresses": [str(address)],
        "conditions": {"ready": True},
        "nodeName": f"node-{number % NODES + 1}",
    }


def _slice(number: int, first: int, count: int) -> dict[str, Any]:
    numbers = range(number * ENDPOINTS + first, number * ENDPOINTS + first + count)
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name(number)}-{first}",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": name(number)},
        },
        "addressType": "IPv4",
        "endpoints": [endpoint(number) for number in numbers],
        "ports": [{"name": "http", "port": PORT + numbers[0] // _PODS, "protocol": "TCP"}],
    }
