"""Metadata of every object, and the message of an object that breaks rules."""

import pytest

from netemu.api.errors import Cause
from netemu.api.kinds import CONFIG_MAP, DEPLOYMENT, NAMESPACE, NODE, POD, SERVICE
from netemu.api.validation import invalid, validate


def config_map(**metadata):
    return {"metadata": {"name": "c", "namespace": "prod", **metadata}}


@pytest.mark.parametrize(
    ("metadata", "field", "words"),
    [
        pytest.param(
            {"name": "Web"}, "metadata.name", 'Invalid value: "Web": a lowercase RFC 1123', id="name"
        ),
        pytest.param(
            {"name": ""}, "metadata.name", "Required value: name or generateName is required", id="no-name"
        ),
        pytest.param({"namespace": ""}, "metadata.namespace", "Required value", id="no-namespace"),
        pytest.param(
            {"name": "", "generateName": "A-"}, "metadata.generateName", 'Invalid value: "A-"', id="prefix"
        ),
        pytest.param(
            {"labels": {"a b": "c"}},
            "metadata.labels",
            'Invalid value: "a b": name part must',
            id="label-key",
        ),
        pytest.param(
            {"labels": {"a": "b/c"}},
            "metadata.labels",
            'Invalid value: "b/c": a valid label',
            id="label-value",
        ),
        pytest.param(
            {"annotations": {"a/b/c": "x"}},
            "metadata.annotations",
            'Invalid value: "a/b/c": a qualified name must',
            id="annotation",
        ),
        pytest.param(
            {"annotations": {"a": "x" * 262144}},
            "metadata.annotations",
            "Too long: may not be more than 262144 bytes",
            id="long-annotations",
        ),
        pytest.param(
            {"finalizers": ["not valid"]},
            "metadata.finalizers[0]",
            'Invalid value: "not valid"',
            id="finalizer",
        ),
        pytest.param(
            {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p"}]},
            "metadata.ownerReferences[0].uid",
            "Required value: must not be empty",
            id="owner",
        ),
    ],
)
def test_metadata_that_breaks_a_rule_is_named(metadata, field, words):
    (cause,) = validate(CONFIG_MAP, config_map(**metadata))

    assert cause.field == field
    assert cause.message.startswith(words)


def test_only_one_owner_controls():
    owners = [
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name, "uid": name, "controller": True}
        for name in "ab"
    ]

    (cause,) = validate(CONFIG_MAP, config_map(ownerReferences=owners))

    assert cause.message.endswith('Found "true" in references for ReplicaSet/a and ReplicaSet/b')


@pytest.mark.parametrize("key", ["uid", "creationTimestamp", "namespace", "name"])
def test_the_identity_of_an_object_stays(key):
    old = config_map(uid="1", creationTimestamp="2024-01-01T00:00:00Z")

    (cause,) = validate(CONFIG_MAP, {"metadata": {**old["metadata"], key: "other"}}, old)

    assert (cause.field, cause.message) == (f"metadata.{key}", 'Invalid value: "other": field is immutable')


def test_an_object_of_the_cluster_has_no_namespace():
    (cause,) = validate(NODE, {"metadata": {"name": "n", "namespace": "x"}})

    assert (cause.field, cause.message) == ("metadata.namespace", "Forbidden: not allowed on this type")


@pytest.mark.parametrize(
    ("kind", "name", "is_valid"),
    [
        (SERVICE, "web-1", True),
        (SERVICE, "1-web", True),
        (SERVICE, "a.b", False),
        (NAMESPACE, "1-a", True),
        (NAMESPACE, "a.b", False),
        (CONFIG_MAP, "a.b", True),
    ],
)
def test_every_kind_has_its_own_rule_for_names(kind, name, is_valid):
    namespace = "prod" if kind.namespaced else ""
    spec = {"clusterIP": "None", "type": "ClusterIP", "sessionAffinity": "None"}

    causes = validate(kind, {"metadata": {"name": name, "namespace": namespace}, "spec": spec})

    assert (causes == ()) is is_valid


def test_one_broken_rule_is_a_sentence():
    error = invalid(SERVICE, "web", [Cause(field="spec.ports[0].port", message="Invalid value: 0: too low")])

    assert error.message == 'Service "web" is invalid: spec.ports[0].port: Invalid value: 0: too low'
    assert (error.http_status, error.reason, error.name) == (422, "Invalid", "web")


def test_several_broken_rules_are_a_list_without_repetition():
    first, second = Cause(field="spec.a", message="x"), Cause(field="spec.b", message="y")

    error = invalid(DEPLOYMENT, "web", [first, second, first])

    assert error.message == 'Deployment.apps "web" is invalid: [spec.a: x, spec.b: y]'
    assert len(error.causes) == 3


def test_a_generated_name_may_end_with_a_hyphen_before_its_random_part():
    assert validate(POD, {"metadata": {"generateName": "web-", "namespace": "a"}, "spec": POD_SPEC}) == ()


POD_SPEC = {
    "containers": [{"name": "c", "image": "x", "imagePullPolicy": "Always"}],
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
}
