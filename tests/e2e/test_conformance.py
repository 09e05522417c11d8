"""What Kubernetes' conformance tests ask for and others here do not show: quotas, pages, sysctls, tokens."""

import json

import pytest

HTTPD = "registry.k8s.io/e2e-test-images/httpd:2.4.38-4"
BUSYBOX = "registry.k8s.io/e2e-test-images/busybox:1.37.0-1"
AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.59"
PAGE = "/usr/local/apache2/htdocs/index.html"


@pytest.fixture(scope="module")
def kubectl(client):
    """Give kubectl 1.37 in the namespace of these tests."""
    return client("kubectl-new")


@pytest.fixture
def create(kubectl):
    """Create a pod with one container."""

    def create(name, image, *, container=None, **spec):
        made = {"name": "c", "image": image, **(container or {})}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {"containers": [made], **spec},
        }
        kubectl.ok("apply", "-f", "-", stdin=json.dumps(pod))

    return create


@pytest.fixture
def phase(kubectl, eventually):
    """Wait until a pod has ended, and give its phase."""

    def phase(name):
        ended = ("Succeeded", "Failed")
        return eventually(lambda: kubectl.read(".status.phase", "pod", name), lambda seen: seen in ended)

    return phase


def test_a_server_is_not_ready_while_somebody_has_its_page(create, kubectl, eventually):
    probe = {"httpGet": {"path": "/index.html", "port": 80}, "periodSeconds": 1, "failureThreshold": 1}
    create("page", HTTPD, container={"readinessProbe": probe})

    def ready(expected):
        path = ".status.containerStatuses[0].ready"
        return eventually(lambda: kubectl.read(path, "pod", "page"), lambda seen: seen == expected)

    ready("true")
    kubectl.ok("exec", "page", "--", "mv", PAGE, "/tmp/")
    ready("false")
    kubectl.ok("exec", "page", "--", "mv", "/tmp/index.html", PAGE)
    assert ready("true") == "true"


def test_a_container_has_the_sysctls_of_its_pod(create, phase, kubectl):
    sysctls = [{"name": "kernel.shm_rmid_forced", "value": "1"}]
    command = ["/bin/sysctl", "kernel.shm_rmid_forced"]
    create(
        "sysctl",
        BUSYBOX,
        container={"command": command},
        securityContext={"sysctls": sysctls},
        restartPolicy="Never",
    )

    assert phase("sysctl") == "Succeeded"
    assert kubectl.ok("logs", "sysctl").strip() == "kernel.shm_rmid_forced = 1"


def test_a_token_is_verified_with_its_issuer(create, phase):
    token = "/var/run/secrets/kubernetes.io/serviceaccount/token"
    audience = "https://kubernetes.default.svc.cluster.local"
    words = ["test-service-account-issuer-discovery", "--token-path", token, "--audience", audience]
    create("issuer", AGNHOST, container={"args": words}, restartPolicy="Never")

    assert phase("issuer") == "Succeeded"


def test_a_quota_counts_and_refuses(kubectl, eventually):
    kubectl.ok("create", "namespace", "limited")
    kubectl.ok("-n", "limited", "create", "quota", "few", "--hard=count/secrets=1")
    kubectl.ok("-n", "limited", "create", "secret", "generic", "one")
    quota = ("-n", "limited", "quota", "few")
    eventually(lambda: kubectl.read(".status.used", *quota), lambda seen: '"1"' in seen)

    refused = kubectl.fails("-n", "limited", "create", "secret", "generic", "two")
    assert "exceeded quota: few, requested: count/secrets=1, used: count/secrets=1" in refused
    kubectl.ok("delete", "namespace", "limited")
