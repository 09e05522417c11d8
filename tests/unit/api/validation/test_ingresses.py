"""Ingresses and their classes."""

import pytest

from netemu.api.kinds import INGRESS, INGRESS_CLASS

BACKEND = {"service": {"name": "engine", "port": {"number": 80}}}


def ingress(host="", backend=BACKEND, **path):
    paths = [{"path": "/engine", "pathType": "Prefix", "backend": backend, **path}]
    return {"spec": {"rules": [{"host": host, "http": {"paths": paths}}]}}


@pytest.mark.parametrize(
    "obj",
    [
        ingress(),
        ingress("shop.example.com"),
        ingress("*.example.com"),
        ingress(pathType="ImplementationSpecific", path=""),
        ingress(backend={"service": {"name": "a", "port": {"name": "http"}}}),
        ingress(backend={"resource": {"kind": "Bucket", "name": "b"}}),
        {"spec": {"ingressClassName": "ambassador", "defaultBackend": BACKEND}},
        {"spec": {"rules": [{"host": "a.b"}]}},
    ],
)
def test_these_ingresses_break_no_rule(broken, obj):
    assert broken(INGRESS, obj) == []


P = "spec.rules[0].http.paths[0]"


@pytest.mark.parametrize(
    ("obj", "field", "words"),
    [
        ({"spec": {}}, "spec", "Invalid value: []: either `defaultBackend` or `rules` must be specified"),
        (ingress(pathType=None), f"{P}.pathType", "Required value: pathType must be specified"),
        (
            ingress(pathType="Regex"),
            f"{P}.pathType",
            'Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"',
        ),
        (ingress(path="engine"), f"{P}.path", 'Invalid value: "engine": must be an absolute path'),
        (ingress(path="/a//b"), f"{P}.path", "Invalid value: \"/a//b\": must not contain '//'"),
        (ingress(path="/a/.."), f"{P}.path", "Invalid value: \"/a/..\": cannot end with '/..'"),
        (
            ingress("10.0.0.1"),
            "spec.rules[0].host",
            'Invalid value: "10.0.0.1": must be a DNS name, not an IP',
        ),
        (
            ingress("a.*.b"),
            "spec.rules[0].host",
            'Invalid value: "a.*.b": a wildcard DNS-1123 subdomain must',
        ),
        (ingress("A_b"), "spec.rules[0].host", 'Invalid value: "A_b": a lowercase RFC 1123 subdomain'),
        (
            ingress(backend={"service": {"port": {"number": 1}}}),
            f"{P}.backend.service.name",
            "Required value",
        ),
        (
            ingress(backend={"service": {"name": "a"}}),
            f"{P}.backend.service",
            "Required value: port name or number is required",
        ),
        (
            ingress(backend={"service": {"name": "a", "port": {"name": "x", "number": 1}}}),
            f"{P}.backend.service",
            'Invalid value: "": cannot set both port name & port number',
        ),
        (
            ingress(backend={**BACKEND, "resource": {}}),
            f"{P}.backend",
            'Invalid value: "": cannot set both resource and service backends',
        ),
        ({"spec": {"rules": [{"http": {"paths": []}}]}}, "spec.rules[0].http.paths", "Required value"),
        (
            {"spec": {"defaultBackend": BACKEND, "ingressClassName": "A"}},
            "spec.ingressClassName",
            'Invalid value: "A": a lowercase RFC 1123 subdomain',
        ),
        (
            {"spec": {"defaultBackend": BACKEND, "tls": [{"hosts": ["10.0.0.1"]}]}},
            "spec.tls[0].hosts[0]",
            'Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
        ),
    ],
)
def test_an_ingress_that_breaks_a_rule_is_named(broken, obj, field, words):
    ((found, message),) = broken(INGRESS, obj)

    assert found == field
    assert message.startswith(words)


def test_the_controller_of_a_class_is_a_path_that_stays(broken):
    old = {"spec": {"controller": "example.com/a"}}

    assert broken(INGRESS_CLASS, old) == []
    assert broken(INGRESS_CLASS, {"spec": {}}) == [("spec.controller", "Required value")]
    assert broken(INGRESS_CLASS, {"spec": {"controller": "a"}}) == [
        ("spec.controller", 'Invalid value: "a": must be a domain-prefixed path (such as "acme.io/foo")')
    ]
    assert broken(INGRESS_CLASS, {"spec": {"controller": "example.com/b"}}, old) == [
        ("spec.controller", 'Invalid value: "example.com/b": field is immutable')
    ]
