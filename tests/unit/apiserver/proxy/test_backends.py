"""Where proxied requests go."""

from __future__ import annotations

import random

import pytest

from netemu.api.errors import BadRequestError, UnavailableError
from netemu.api.kinds import NODE, POD, SERVICE
from netemu.apiserver.proxy.backends import (
    Backend,
    is_slice_of,
    node_backend,
    pod_backend,
    service_backend,
    target_of,
)
from netemu.apiserver.reachpaths import ReachPath, parse_reach_path

POD_OBJECT = {
    "metadata": {"name": "web"},
    "spec": {
        "nodeName": "node-1",
        "containers": [{"name": "c", "ports": [{"containerPort": 8080, "name": "http"}]}],
    },
    "status": {"podIP": "10.244.1.2"},
}
WEB = {
    "metadata": {"name": "web"},
    "spec": {"ports": [{"port": 80, "name": "www"}, {"port": 81, "name": "x"}]},
}
SLICE = {
    "metadata": {"name": "web-abc", "labels": {"kubernetes.io/service-name": "web"}},
    "addressType": "IPv4",
    "ports": [{"name": "www", "port": 8080}, {"name": "", "port": 9}],
    "endpoints": [
        {"addresses": ["10.244.1.2"], "nodeName": "node-1", "conditions": {"ready": True}},
        {"addresses": ["10.244.2.2"], "nodeName": "node-2", "conditions": {"ready": False}},
    ],
}


@pytest.mark.parametrize(
    ("path", "meaning"),
    [
        pytest.param(
            "/api/v1/namespaces/a/pods/p/exec", ReachPath(POD, "a", "p", "exec"), id="exec"
        ),
        pytest.param(
            "/api/v1/namespaces/a/pods/p:80/proxy/x%2Fy/",
            ReachPath(POD, "a", "p:80", "proxy", "/x%2Fy/"), id="proxy",
        ),
        pytest.param(
            "/api/v1/namespaces/a/services/https%3As%3A1/proxy",
            ReachPath(SERVICE, "a", "https:s:1", "proxy"), id="encoded-name",
        ),
        pytest.param("/api/v1/nodes/n/proxy/", ReachPath(NODE, "", "n", "proxy", "/"), id="node"),
        pytest.param("/api/v1/namespaces/a/pods/p", None, id="object"),
        pytest.param("/api/v1/namespaces/a/pods/p/exec/x", None, id="too-long"),
        pytest.param("/api/v1/namespaces/a/services/p/exec", None, id="exec-in-a-service"),
        pytest.param("/api/v1/pods/p/exec", None, id="no-namespace"),
        pytest.param("/api/v1/namespaces/a/nodes/n/proxy", None, id="node-in-a-namespace"),
    ],
)  # fmt: skip
def test_paths_into_pods_are_told_from_paths_to_objects(path, meaning):
    assert parse_reach_path(path) == meaning


@pytest.mark.parametrize(
    ("name", "backend"),
    [
        pytest.param("web", Backend("http", "10.244.1.2", 8080, "node-1"), id="first-port"),
        pytest.param("web:9000", Backend("http", "10.244.1.2", 9000, "node-1"), id="number"),
        pytest.param("web:http", Backend("http", "10.244.1.2", 8080, "node-1"), id="name"),
        pytest.param("https:web:443", Backend("https", "10.244.1.2", 443, "node-1"), id="scheme"),
        pytest.param("https:web:", Backend("https", "10.244.1.2", 8080, "node-1"), id="scheme-alone"),
    ],
)
def test_a_pod_is_reached_at_the_port_that_is_asked_for(name, backend):
    assert pod_backend(POD_OBJECT, target_of(POD, name)) == backend


@pytest.mark.parametrize("name", ["a:b:c:d", "ftp:web:1", ":80", "web:70000", "web:0", "web:A", ""])
def test_names_that_cannot_be_are_refused(name):
    with pytest.raises(BadRequestError, match="invalid pod request"):
        target_of(POD, name)


def test_a_pod_without_an_address_cannot_be_reached():
    with pytest.raises(BadRequestError, match="address not allowed"):
        pod_backend({**POD_OBJECT, "status": {}}, target_of(POD, "web"))


@pytest.mark.parametrize("name", ["web:80", "web:www"])
def test_a_service_is_reached_at_a_ready_endpoint(name):
    backend = service_backend(WEB, [SLICE], target_of(SERVICE, name), random.Random(1))

    assert backend == Backend("http", "10.244.1.2", 8080, "node-1")


@pytest.mark.parametrize(
    ("name", "slices", "words"),
    [
        pytest.param("web:82", [SLICE], 'no service port 82 found for service "web"', id="no-port"),
        pytest.param("web:x", [SLICE], 'no endpoints available for service "web"', id="port-without"),
        pytest.param("web:80", [], 'no endpoints available for service "web"', id="none"),
    ],
)
def test_a_service_without_endpoints_is_unavailable(name, slices, words):
    with pytest.raises(UnavailableError, match=words):
        service_backend(WEB, slices, target_of(SERVICE, name), random.Random(1))


def test_slices_name_their_service():
    assert (is_slice_of("web", SLICE), is_slice_of("we", SLICE)) == (True, False)


def test_a_nodes_proxy_is_its_kubelet_unless_told():
    node = {
        "metadata": {"name": "node-1"},
        "status": {"addresses": [{"type": "InternalIP", "address": "172.30.0.11"}]},
    }

    assert node_backend(node, target_of(NODE, "node-1")) == Backend("https", "172.30.0.11", 10250, "node-1")
    assert node_backend(node, target_of(NODE, "node-1:80")) == Backend("http", "172.30.0.11", 80, "node-1")
