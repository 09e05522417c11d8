"""Mistakes are told with their place and the next step, and change nothing."""

import subprocess

import pytest

GOOD = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: good}
---
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: bad
spec:
  type: NodePort
  ports:
  - port: 80
    nodePort: 30999
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        pytest.param(
            "ports:", "prots:", 'bad.yaml:11: Service {ns}/bad: unknown field "spec.prots"', id="field"
        ),
        pytest.param(
            "kind: Service", "kind: Servise", 'bad.yaml:5: no matches for kind "Servise"', id="kind"
        ),
        pytest.param("  type: NodePort", "\ttype: NodePort", "bad.yaml:10: not valid YAML", id="yaml"),
        pytest.param("port: 80", "port: web", "bad.yaml:12: Service {ns}/bad: spec.ports[0].port", id="type"),
        pytest.param(
            "  name: bad", "  labels: {}", "bad.yaml:5: Service: metadata.name: Required", id="no-name"
        ),
    ],
)
def test_a_mistake_in_one_document_keeps_all_from_being_applied(
    cluster, namespace, tmp_path, old, new, words
):
    file = tmp_path / "bad.yaml"
    file.write_text(GOOD + SERVICE.replace(old, new, 1))

    errors = cluster.fails("apply", "-n", namespace, "-f", str(file))

    assert words.replace("{ns}", namespace) in errors
    assert cluster.run("get", "configmap", "good", "-n", namespace).returncode == 1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        pytest.param(
            "30999",
            "80",
            "bad.yaml:9: Service {ns}/bad: spec.ports[0].nodePort: Invalid value: 80",
            id="range",
        ),
        pytest.param(
            "name: bad", "name: Bad_Name", "bad.yaml:4: Service {ns}/Bad_Name: metadata.name", id="name"
        ),
    ],
)
def test_what_the_api_refuses_is_located_too(cluster, namespace, tmp_path, old, new, words):
    file = tmp_path / "bad.yaml"
    file.write_text(SERVICE.replace(old, new))

    assert words.replace("{ns}", namespace) in cluster.fails("apply", "-n", namespace, "-f", str(file))
    assert "No resources found" in cluster.run("get", "services", "-n", namespace).stderr


def test_a_taken_node_port_is_refused_and_its_owner_untouched(cluster, namespace):
    cluster.apply(SERVICE, namespace)
    before = cluster.get("service", "bad", "-n", namespace)

    errors = cluster.fails(
        "apply", "-n", namespace, "-f", "-", stdin=SERVICE.replace("name: bad", "name: two")
    )

    assert "30999: provided port is already allocated" in errors
    assert cluster.get("service", "bad", "-n", namespace) == before


def test_an_immutable_field_is_immutable(cluster, namespace):
    cluster.ok("create", "deployment", "d", "--image", "nginx", "-n", namespace)
    lines = cluster.ok("get", "deployment", "d", "-o", "yaml", "-n", namespace).splitlines()
    # Its status goes on changing: with the revision of before it would be a conflict.
    manifest = "\n".join(line for line in lines if "resourceVersion:" not in line)

    errors = cluster.fails("apply", "-n", namespace, "-f", "-", stdin=manifest.replace("app: d", "app: e"))

    assert "spec.selector" in errors
    assert "immutable" in errors


@pytest.mark.parametrize(
    ("words", "error"),
    [
        pytest.param(["get", "pod", "none"], 'Error from server (NotFound): pods "none" not found', id="get"),
        pytest.param(["delete", "pod", "none"], 'pods "none" not found', id="delete"),
        pytest.param(["logs", "none"], 'pods "none" not found', id="logs"),
        pytest.param(["exec", "none", "--", "true"], 'pods "none" not found', id="exec"),
        pytest.param(
            ["exec", "shell-1", "-c", "x", "--", "true"], "container x is not valid", id="container"
        ),
        pytest.param(["wait", "pod/none", "--for=condition=Ready"], 'pods "none" not found', id="wait"),
        pytest.param(["get", "gadgets"], 'a resource type "gadgets"', id="kind"),
        pytest.param(["node", "exec", "node-9", "--", "true"], "no node named 'node-9'", id="node"),
        pytest.param(
            ["create", "deployment", "x", "--image", "nginx", "-n", "nowhere"],
            'namespaces "nowhere" not found',
            id="namespace",
        ),
    ],
)
def test_what_is_not_there_is_told(cluster, words, error):
    assert error in cluster.fails(*words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param(
            ["--pod-cidr", "10.96.0.0/12"], ["10.96.0.0/12", "10.96.0.0/16", "--service-cidr"], id="overlap"
        ),
        pytest.param(["--pod-cidr", "fd00::/64"], ["--pod-cidr", "IPv6"], id="ipv6"),
        pytest.param(["--pod-cidr", "10.244.0.0/33"], ["--pod-cidr", "10.244.0.0/33"], id="no-range"),
        pytest.param(["--nodes", "0"], ["--nodes"], id="nodes"),
        pytest.param(["--cluster-domain", "UPPER"], ["--cluster-domain", "UPPER"], id="domain"),
        pytest.param(["--node-port-range", "9-1"], ["--node-port-range", "9-1"], id="ports"),
        pytest.param(["--overlay", "magic"], ["--overlay"], id="overlay"),
        pytest.param(["--cni", "/no/such/file"], ["--cni", "/no/such/file"], id="cni"),
        pytest.param(["--config", "/no/such/file"], ["--config", "/no/such/file"], id="config"),
    ],
)
def test_settings_that_cannot_work_start_nothing(netemu, options, words):
    handle = netemu()

    errors = handle.fails("up", *options)

    assert [word for word in words if word not in errors] == []
    assert handle.run("status").returncode == 1


def test_a_settings_file_is_read_to_its_line(netemu, tmp_path):
    file = tmp_path / "cluster.yaml"
    file.write_text("nodes: 2\npodCIDR: 10.0.0.0/8\n")

    errors = netemu().fails("up", "--config", str(file))

    assert f"{file}:2: podCIDR" in errors
    assert "podCidr" in errors


def test_another_user_is_told_to_use_sudo(cluster):
    # May read (the checkout may lie in /root), and nothing else: neither write nor connect.
    reader = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *reader]
    where = ["env", f"NETEMU_CLUSTER={cluster.name}", "NETEMU_RUN_DIR=/run/netemu"]
    refused = subprocess.run(
        [*nobody, *where, ".venv/bin/netemu", "get", "pods"], capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert "sudo" in refused.stderr
