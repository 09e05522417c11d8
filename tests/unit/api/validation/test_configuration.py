"""ConfigMaps, Secrets, Nodes and Events."""

import pytest

from netemu.api.kinds import CONFIG_MAP, EVENT, NODE, SECRET


@pytest.mark.parametrize(
    ("kind", "obj", "field", "words"),
    [
        (CONFIG_MAP, {"data": {"a b": "x"}}, "data[a b]", 'Invalid value: "a b": a valid config key must'),
        (
            CONFIG_MAP,
            {"data": {"a": "x"}, "binaryData": {"a": "eA=="}},
            "data[a]",
            'Invalid value: "a": duplicate of key present in binaryData',
        ),
        (CONFIG_MAP, {"data": {"a": "x" * 1048577}}, "data", "Too long: may not be more than 1048576 bytes"),
        (SECRET, {"data": {"..": "eA=="}}, "data[..]", "Invalid value: \"..\": must not be '..'"),
        (SECRET, {"type": "kubernetes.io/tls", "data": {"tls.crt": ""}}, "data[tls.key]", "Required value"),
        (
            NODE,
            {"spec": {"taints": [{"key": "a", "effect": "No"}]}},
            "spec.taints[0].effect",
            'Unsupported value: "No": supported values: "NoExecute", "NoSchedule", "PreferNoSchedule"',
        ),
        (NODE, {"spec": {"taints": [{"key": "a"}]}}, "spec.taints[0].effect", "Required value"),
        (
            NODE,
            {"spec": {"podCIDRs": ["x"]}},
            "spec.podCIDRs[0]",
            'Invalid value: "x": must be a valid CIDR value',
        ),
        (
            EVENT,
            {"involvedObject": {"namespace": "other"}},
            "involvedObject.namespace",
            'Invalid value: "other": does not match event.namespace',
        ),
    ],
)
def test_an_object_that_breaks_a_rule_is_named(broken, kind, obj, field, words):
    ((found, message),) = broken(kind, obj)

    assert found == field
    assert message.startswith(words)


def test_one_taint_with_two_effects_is_two_taints(broken):
    taint = {"key": "a", "effect": "NoSchedule"}

    assert broken(NODE, {"spec": {"taints": [taint, {**taint, "effect": "NoExecute"}]}}) == []
    assert broken(NODE, {"spec": {"taints": [taint, taint]}}) == [
        ("spec.taints[1]", 'Duplicate value: {"key":"a","effect":"NoSchedule"}')
    ]


@pytest.mark.parametrize("kind", [CONFIG_MAP, SECRET], ids=lambda kind: kind.kind)
def test_what_is_marked_immutable_stays_and_stays_marked(broken, kind):
    old = {"immutable": True, "data": {"a": "eA=="}}
    words = "Forbidden: field is immutable when `immutable` is set"

    assert broken(kind, old, old) == []
    assert broken(kind, {**old, "data": {"a": "eQ=="}}, old) == [("data", words)]
    assert broken(kind, {"data": {"a": "eA=="}}, old) == [("immutable", words)]


def test_the_type_of_a_secret_stays(broken):
    assert broken(SECRET, {"type": "b"}, {"type": "a"}) == [
        ("type", 'Invalid value: "b": field is immutable')
    ]


def test_a_nodes_pod_range_stays_once_it_is_set(broken):
    old = {"spec": {"podCIDR": "10.244.1.0/24"}}

    assert broken(NODE, old, {"spec": {}}) == []
    assert broken(NODE, {"spec": {"podCIDR": "10.244.2.0/24"}}, old) == [
        ("spec.podCIDR", 'Forbidden: node updates may not change podCIDR except from "" to valid')
    ]
