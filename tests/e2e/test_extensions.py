"""Others who decide and answer: webhooks, policies, rules in CEL, API servers behind Services."""

from __future__ import annotations

import json
import os
import signal
import time
from base64 import b64encode

import pytest

from netemu.pki.certificates import Authority

SERVER = """\
import http.server, json, ssl

KINDS = [{"name": "toys", "singularName": "toy", "namespaced": True, "kind": "Toy", "verbs": ["get", "list"]}]

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        meta = {"name": self.headers["X-Remote-User"], "namespace": "default"}
        toy = {"apiVersion": "GROUP/v1", "kind": "Toy", "metadata": meta}
        listed = {"kind": "ToyList", "apiVersion": "GROUP/v1", "metadata": {}, "items": [toy]}
        kinds = {"kind": "APIResourceList", "groupVersion": "GROUP/v1", "resources": KINDS}
        body = json.dumps(listed if "toys" in self.path else kinds).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
tls.load_cert_chain("/certs/tls.crt", "/certs/tls.key")
server = http.server.ThreadingHTTPServer(("", 8444), Handler)
server.socket = tls.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def encoded(data):
    return b64encode(data).decode()


def apply(kubectl, *objects):
    kubectl.ok("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


def serve(kubectl, name, container):
    """Run a server with a certificate for its Service, and give the CA that vouches for it."""
    authority = Authority(time.time())
    made = authority.server([f"{name}.{kubectl.namespace}.svc"], [])
    files = {"tls.crt": encoded(made.certificate), "tls.key": encoded(made.key)}
    mounted = {**container, "name": "c", "volumeMounts": [{"name": "certs", "mountPath": "/certs"}]}
    volume = {"name": "certs", "secret": {"secretName": name}}
    spec = {"containers": [mounted], "volumes": [volume], "terminationGracePeriodSeconds": 0}
    service = {"selector": {"app": name}, "ports": [{"port": 443, "targetPort": 8444}]}
    meta = {"name": name, "labels": {"app": name}}
    apply(
        kubectl,
        {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": files},
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service},
        {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec},
    )
    kubectl.ok("wait", "--for=condition=Ready", "--timeout=120s", f"pod/{name}")
    kubectl.ok("wait", "--for=jsonpath={.subsets[0].addresses}", "--timeout=120s", f"endpoints/{name}")
    return encoded(authority.credential.certificate)


@pytest.fixture
def cluster_wide(new_kubectl):
    """Collect objects of the whole cluster that go away with the test."""
    made = []
    yield made
    new_kubectl.ok("delete", "--ignore-not-found", *made)


def test_webhooks_change_and_refuse_what_is_written(new_kubectl, cluster_wide):
    namespace = new_kubectl.namespace
    args = [
        "webhook",
        "--tls-cert-file=/certs/tls.crt",
        "--tls-private-key-file=/certs/tls.key",
        "--port=8444",
    ]
    probe = {"httpGet": {"scheme": "HTTPS", "path": "/readyz", "port": 8444}, "periodSeconds": 1}
    ca = serve(new_kubectl, "hooks", {"image": "agnhost", "args": args, "readinessProbe": probe})
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"]}

    def configuration(kind, path):
        client = {"service": {"namespace": namespace, "name": "hooks", "path": path}, "caBundle": ca}
        hook = {
            "name": "e2e.example.com",
            "clientConfig": client,
            "rules": [rule],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        }
        cluster_wide.append(f"{kind}/{namespace}")
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": namespace},
            "webhooks": [hook],
        }

    apply(
        new_kubectl,
        configuration("MutatingWebhookConfiguration", "/mutating-configmaps"),
        configuration("ValidatingWebhookConfiguration", "/configmaps"),
    )
    new_kubectl.ok("create", "configmap", "a", "--from-literal=mutation-start=yes")
    said = new_kubectl.fails("create", "configmap", "b", "--from-literal=webhook-e2e-test=webhook-disallow")

    assert new_kubectl.read(".data.mutation-stage-1", "configmap", "a") == "yes"
    assert (
        'admission webhook "e2e.example.com" denied the request: the configmap contains unwanted key' in said
    )


def test_a_group_is_answered_for_by_a_server_in_a_pod(new_kubectl, cluster_wide):
    group = f"{new_kubectl.namespace}.example.com"
    program = SERVER.replace("GROUP", group)
    ca = serve(new_kubectl, "api", {"image": "python", "command": ["python3", "-c", program]})
    spec = {
        "group": group,
        "version": "v1",
        "groupPriorityMinimum": 1000,
        "versionPriority": 10,
        "caBundle": ca,
        "service": {"namespace": new_kubectl.namespace, "name": "api"},
    }
    name = f"v1.{group}"
    cluster_wide.append(f"apiservice/{name}")
    apply(
        new_kubectl,
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": name},
            "spec": spec,
        },
    )
    new_kubectl.ok("wait", "--for=condition=Available", "--timeout=120s", f"apiservice/{name}")

    assert new_kubectl.ok("get", f"toys.{group}", "-A", "-o", "name") == f"toy.{group}/kubernetes-admin\n"


def new_deployments(namespace):
    rule = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "resources": ["deployments"],
        "operations": ["CREATE"],
    }
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    return {"resourceRules": [rule], "namespaceSelector": selector}


def test_policies_and_rules_are_evaluated(new_kubectl, cluster_wide):
    namespace = new_kubectl.namespace
    version = "admissionregistration.k8s.io/v1"
    policy = {
        "matchConstraints": new_deployments(namespace),
        "validations": [{"expression": "object.spec.replicas <= 5"}],
    }
    bound = {"policyName": namespace, "validationActions": ["Deny"]}
    kinds = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    cluster_wide += [f"{kind}/{namespace}" for kind in kinds]
    meta = {"name": namespace}
    apply(
        new_kubectl,
        *(
            {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec}
            for kind, spec in zip(kinds, (policy, bound), strict=True)
        ),
    )
    said = new_kubectl.fails("create", "deployment", "web", "--image=nginx", "--replicas=6")

    assert f"denied request: failed expression: {policy['validations'][0]['expression']}" in said


def test_a_policy_completes_what_is_written(new_kubectl, cluster_wide):
    namespace = new_kubectl.namespace
    label = "Object{metadata: Object.metadata{labels: {'made-by': request.userInfo.username}}}"
    scale = "[JSONPatch{op: 'replace', path: '/spec/replicas', value: 0}]"
    policy = {
        "matchConstraints": new_deployments(namespace),
        "reinvocationPolicy": "Never",
        "mutations": [
            {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": label}},
            {"patchType": "JSONPatch", "jsonPatch": {"expression": scale}},
        ],
    }
    kinds = ("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding")
    cluster_wide += [f"{kind}/{namespace}" for kind in kinds]
    apply(
        new_kubectl,
        *(
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": kind,
                "metadata": {"name": namespace},
                "spec": spec,
            }
            for kind, spec in zip(kinds, (policy, {"policyName": namespace}), strict=True)
        ),
    )
    new_kubectl.ok("create", "deployment", "web", "--image=nginx", "--replicas=3")
    made = json.loads(new_kubectl.ok("get", "deployment", "web", "-o", "json"))
    explained = new_kubectl.ok("explain", "mutatingadmissionpolicy.spec.mutations.patchType")

    assert made["metadata"]["labels"] == {"app": "web", "made-by": "kubernetes-admin"}
    assert made["spec"]["replicas"] == 0
    assert "patchType" in explained


def test_who_watches_goes_on_after_the_daemon_died(netemu):
    cluster = netemu()
    cluster.ok("up", "--nodes", "1")
    listed = json.loads(cluster.ok("get", "--raw", "/api/v1/namespaces/default/configmaps"))
    revision = listed["metadata"]["resourceVersion"]
    cluster.ok("create", "configmap", "a")
    cluster.ok("delete", "configmap", "a")
    os.kill(cluster.processes()["daemon"], signal.SIGKILL)
    cluster.ok("up")
    since = f"watch=1&resourceVersion={revision}&timeoutSeconds=1&fieldSelector=metadata.name%3Da"
    path = f"/api/v1/namespaces/default/configmaps?{since}"
    events = [json.loads(line) for line in cluster.ok("get", "--raw", path).splitlines() if line]

    assert [(each["type"], each["object"]["metadata"]["name"]) for each in events] == [
        ("ADDED", "a"),
        ("DELETED", "a"),
    ]
