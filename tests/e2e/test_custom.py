"""Kinds that users define, with the real kubectl."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: balls.toys.example}
spec:
  group: toys.example
  scope: Namespaced
  names: {kind: Ball, plural: balls, shortNames: [bl], categories: [toys]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}
    additionalPrinterColumns:
    - {name: Color, type: string, jsonPath: .spec.color}
    - {name: Size, type: integer, jsonPath: .spec.size, priority: 1}
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            description: What the ball is like.
            type: object
            required: [color]
            properties:
              color: {type: string, enum: [red, blue], description: How it looks.}
              size: {type: integer, minimum: 1, default: 3}
          status: {type: object, properties: {size: {type: integer}}}
"""
BALL = """\
apiVersion: toys.example/v1
kind: Ball
metadata: {name: one}
spec: {color: red}
"""


@pytest.fixture(scope="module")
def kubectl(cluster):
    """Run the real kubectl; give its output when it succeeds, its errors when it fails."""

    def run(*words: str, stdin: str = "", fails: bool = False) -> str:
        environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig)}
        done = subprocess.run(
            ["kubectl", *words],
            input=stdin,
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert bool(done.returncode) is fails, f"{words}: {done.stdout}\n{done.stderr}"
        return done.stderr if fails else done.stdout

    return run


@pytest.fixture(scope="module")
def balls(kubectl):
    kubectl("create", "-f", "-", stdin=DEFINITION)
    kubectl("wait", "--for=condition=Established", "crd/balls.toys.example", "--timeout=120s")
    yield
    kubectl("delete", "crd", "balls.toys.example")
    assert "NotFound" in kubectl("get", "crd", "balls.toys.example", fails=True)


@pytest.fixture
def ball(kubectl, balls, namespace):
    kubectl("apply", "-n", namespace, "-f", "-", stdin=BALL)
    return namespace


def test_objects_are_printed_as_their_definition_says(kubectl, ball):
    heads, row = kubectl("get", "toys", "-n", ball, "-o", "wide").splitlines()

    assert heads.split() == ["NAME", "COLOR", "SIZE"]
    assert row.split() == ["one", "red", "3"]


def test_objects_are_explained(kubectl, balls):
    assert "How it looks." in kubectl("explain", "ball.spec.color")


def test_objects_are_scaled(kubectl, ball):
    kubectl("scale", "-n", ball, "ball/one", "--replicas=7")

    assert kubectl("get", "bl/one", "-n", ball, "-o", "jsonpath={.spec.size}") == "7"


def test_the_status_is_a_part_of_its_own(kubectl, ball):
    patch = json.dumps({"status": {"size": 2}, "spec": {"color": "blue"}})
    kubectl("patch", "-n", ball, "ball", "one", "--type=merge", "--subresource=status", "-p", patch)

    assert kubectl("get", "ball/one", "-n", ball, "-o", "jsonpath={.spec.color} {.status.size}") == "red 2"


def test_what_the_schema_refuses_is_named(kubectl, balls, namespace):
    wrong = BALL.replace("red", "green")

    assert 'spec.color: Unsupported value: "green": supported values: "red", "blue"' in kubectl(
        "create", "-n", namespace, "-f", "-", stdin=wrong, fails=True
    )


def test_writers_own_the_fields_of_custom_objects(kubectl, ball):
    other = BALL.replace("red", "blue")

    assert "conflict" in kubectl("apply", "-n", ball, "--server-side", "-f", "-", stdin=other, fails=True)


def test_what_a_custom_object_owns_goes_with_it(kubectl, ball, eventually):
    uid = kubectl("get", "ball/one", "-n", ball, "-o", "jsonpath={.metadata.uid}")
    owner = {"apiVersion": "toys.example/v1", "kind": "Ball", "name": "one", "uid": uid}
    owned = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "air", "namespace": ball, "ownerReferences": [owner]},
    }
    kubectl("create", "-f", "-", stdin=json.dumps(owned))

    kubectl("delete", "-n", ball, "ball", "one")

    listed = ("get", "configmaps", "-n", ball, "-o", "name", "--field-selector=metadata.name=air")
    eventually(lambda: kubectl(*listed), lambda seen: seen == "")


def test_a_namespace_ends_with_its_custom_objects(kubectl, balls):
    kubectl("create", "namespace", "ending")
    kubectl("apply", "-n", "ending", "-f", "-", stdin=BALL)

    kubectl("delete", "namespace", "ending", "--timeout=120s")

    assert "NotFound" in kubectl("get", "namespace", "ending", fails=True)


def test_netemus_own_commands_know_the_kind_too(cluster, ball):
    assert "red" in cluster.ok("get", "-n", ball, "balls")
    assert "spec.colour" in cluster.fails(
        "apply", "-n", ball, "-f", "-", stdin=BALL.replace("color", "colour")
    )
