"""Bodies as kubectl 1.37.1 sent them, each by the command in its test's id."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.api import schema
from netemu.api.errors import BadRequestError
from netemu.api.kinds import BY_GVK
from netemu.api.protobuf import decode_object

SENT = dict(line.split() for line in Path(__file__).with_name("kubectl-1.37.txt").read_text().splitlines())


def sent(name):
    return bytes.fromhex(SENT[name])


@pytest.mark.parametrize(
    ("name", "obj"),
    [
        pytest.param(
            "namespace",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}},
            id="create namespace demo",
        ),
        pytest.param(
            "can_i",
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {
                    "resourceAttributes": {"namespace": "default", "verb": "get", "resource": "pods"},
                },
                "status": {"allowed": False},
            },
            id="auth can-i get pods",
        ),
        pytest.param(
            "service",
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "s", "labels": {"app": "s"}},
                "spec": {
                    "ports": [{"name": "80-8080", "protocol": "TCP", "port": 80, "targetPort": 8080}],
                    "selector": {"app": "s"},
                    "type": "NodePort",
                },
            },
            id="create service nodeport s --tcp=80:8080",
        ),
        pytest.param(
            "secret",
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "Yg=="}},
            id="create secret generic s --from-literal=a=b",
        ),
        pytest.param(
            "budget",
            {
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": {"name": "p"},
                "spec": {"minAvailable": "50%", "selector": {"matchLabels": {"a": "b"}}},
                "status": {
                    "disruptionsAllowed": 0,
                    "currentHealthy": 0,
                    "desiredHealthy": 0,
                    "expectedPods": 0,
                },
            },
            id="create pdb p --selector=a=b --min-available=50%",
        ),
        pytest.param(
            "quota",
            {
                "apiVersion": "v1",
                "kind": "ResourceQuota",
                "metadata": {"name": "q"},
                "spec": {"hard": {"cpu": "1"}},
            },
            id="create quota q --hard=cpu=1",
        ),
        pytest.param(
            "token",
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "status": {"token": ""},
            },
            id="create token default",
        ),
    ],
)
def test_what_kubectl_sends_is_read_as_the_object_that_it_means(name, obj):
    assert decode_object(sent(name)) == obj


def test_a_deployment_arrives_with_its_pods_and_nothing_that_was_not_set():
    deployment = decode_object(sent("deployment"))

    assert deployment["spec"] == {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [{"name": "nginx", "image": "nginx:1", "ports": [{"containerPort": 80}]}],
            },
        },
    }


def test_fields_of_embedded_messages_belong_to_the_one_around():
    rule = decode_object(sent("ingress"))["spec"]["rules"][0]

    assert rule == {
        "host": "a.b",
        "http": {
            "paths": [
                {
                    "path": "/c",
                    "pathType": "Prefix",
                    "backend": {"service": {"name": "s", "port": {"number": 80}}},
                }
            ]
        },
    }


@pytest.mark.parametrize("name", ["namespace", "service", "secret", "deployment", "ingress"])
def test_what_is_read_has_the_published_shape(name):
    obj = decode_object(sent(name))
    group, _, version = obj["apiVersion"].rpartition("/")

    found = schema.check(BY_GVK[group, version, obj["kind"]], obj)

    assert (found.unknown, found.wrong) == ((), ())


@pytest.mark.parametrize("length", [4, 5, 10, 30, 60, 100])
def test_a_body_that_ends_early_is_refused_or_read_as_far_as_it_goes(length):
    with pytest.raises(BadRequestError):
        decode_object(sent("deployment")[:length])


def test_a_body_without_the_prefix_is_refused():
    with pytest.raises(BadRequestError, match="does not appear to be a protobuf message"):
        decode_object(b"{}")


def test_a_kind_that_nobody_knows_is_refused_by_name():
    body = b"k8s\0" + b"\x0a\x0a" + b"\x0a\x02v1" + b"\x12\x04Fish"

    with pytest.raises(BadRequestError, match='no kind "Fish" is registered for version "v1"'):
        decode_object(body)


def test_options_are_the_same_in_every_group():
    type_meta = b"\x0a\x07apps/v1" + b"\x12\x0dDeleteOptions"
    options = b"\x08\x1e" + b"\x22\x0aForeground"
    body = b"k8s\0" + bytes((0x0A, len(type_meta))) + type_meta + bytes((0x12, len(options))) + options

    read = decode_object(body)

    assert (read["gracePeriodSeconds"], read["propagationPolicy"]) == (30, "Foreground")
