"""What Kubernetes' own network tests look at, and nothing else here does."""

from __future__ import annotations

import pytest

PODS = ("suite-porter", "suite-exec", "suite-boom", "suite-client")
INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: suite}
spec: {defaultBackend: {service: {name: 1suite, port: {number: 80}}}}
"""


@pytest.fixture(scope="module")
def kubectl(new_kubectl, manifests):
    manifest = str(manifests / "tests/network-suite.yaml")
    new_kubectl.ok("apply", "-f", manifest)
    new_kubectl.ok("wait", "--for=condition=Ready", "--timeout=120s", *(f"pod/{name}" for name in PODS))
    yield new_kubectl
    new_kubectl.ok("delete", "--wait=false", "-f", manifest)


def shell(kubectl, pod, command):
    return kubectl.run("exec", pod, "--", "/bin/sh", "-x", "-c", command)


@pytest.mark.parametrize("way", ["name", "node"])
def test_a_server_of_http_answers_a_line_that_is_none(kubectl, eventually, way):
    port = kubectl.read(".spec.ports[0].nodePort", "service", "1suite")
    address = kubectl.read(".status.hostIP", "pod", "suite-porter")
    target = {"name": "1suite 80", "node": f"{address} {port}"}[way]

    answer = eventually(
        lambda: shell(kubectl, "suite-exec", f"echo hostName | nc -v -t -w 2 {target}").stdout
    )

    assert answer.startswith("HTTP/1.1 400")


@pytest.mark.parametrize("asked", [("get", "/"), ("delete", "?method=DELETE")])
def test_links_of_a_page_lead_through_the_proxy(kubectl, asked):
    verb, rest = asked
    proxy = f"/api/v1/namespaces/{kubectl.namespace}/pods/suite-porter/proxy"

    assert kubectl.ok(verb, "--raw", f"{proxy}{rest}") == f'<a href="{proxy}/rewriteme">test</a>'


def test_an_ingress_gets_the_default_class(kubectl):
    kubectl.ok("apply", "-f", "-", stdin=INGRESS)

    assert kubectl.read(".spec.ingressClassName", "ingress", "suite") == "suite"
    kubectl.ok("delete", "ingress", "suite")


def test_nodes_drop_what_conntrack_calls_invalid(kubectl, eventually):
    shell(kubectl, "suite-client", "nc -w 2 suite-boom 9000")
    log = eventually(lambda: kubectl.ok("logs", "suite-boom"), lambda text: "boom packet injected" in text)
    shell(kubectl, "suite-client", "nc -w 1 suite-boom 9000")

    assert "connection established" in log
    assert "ERROR" not in kubectl.ok("logs", "suite-boom")


def test_a_pod_that_writes_more_than_it_may_is_evicted(kubectl, eventually):
    eventually(lambda: kubectl.read(".status.phase", "pod", "suite-writer"), lambda it: it == "Failed")

    assert kubectl.read(".status.reason", "pod", "suite-writer") == "Evicted"
