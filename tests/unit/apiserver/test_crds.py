"""CustomResourceDefinitions: kinds that come and go."""

from __future__ import annotations

import pytest

from netemu.api.errors import (
    BadRequestError,
    InvalidError,
    MethodNotAllowedError,
    NotFoundError,
    UnsupportedMediaTypeError,
)
from netemu.api.kinds import CONFIG_MAP, NAMESPACE
from netemu.api.kinds import CUSTOM_RESOURCE_DEFINITION as CRD
from netemu.apiserver.collector import Collector
from netemu.apiserver.options import DeleteOptions, FieldCheck, WriteOptions
from netemu.apiserver.registry import Registry
from netemu.apiserver.tables import table
from netemu.apiserver.versions import version_of
from netemu.settings import Settings
from netemu.testing.builders import custom_resource_definition

SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "size": {"type": "integer", "minimum": 1, "default": 3},
                "color": {"type": "string"},
            },
        },
        "status": {
            "type": "object",
            "properties": {"size": {"type": "integer"}, "selector": {"type": "string"}},
        },
    },
}
SCALE = {
    "specReplicasPath": ".spec.size",
    "statusReplicasPath": ".status.size",
    "labelSelectorPath": ".status.selector",
}


def version(name: str = "v1", **more):
    return {"name": name, "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA}, **more}


def definition(*versions, **more):
    return custom_resource_definition("Ball", *(versions or (version(),)), **more)


def ball(name: str = "red", api_version: str = "toys.example/v1", **spec):
    return {
        "apiVersion": api_version,
        "kind": "Ball",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


async def defined(registry, *versions, kind_version: str = "v1"):
    await registry.create(CRD, definition(*versions))
    return registry.kinds.find("toys.example", kind_version, "balls")


def from_outside() -> WriteOptions:
    return WriteOptions(fields=FieldCheck("Strict"))


async def test_a_definition_is_established_with_the_request_that_makes_it(registry):
    made = await registry.create(CRD, definition())

    found = {c["type"]: c["status"] for c in made["status"]["conditions"]}
    assert found == {"NamesAccepted": "True", "Established": "True"}
    assert made["status"]["storedVersions"] == ["v1"]
    assert made["status"]["acceptedNames"]["plural"] == "balls"


async def test_objects_get_defaults_and_generations(registry):
    kind = await defined(registry)

    made = await registry.create(kind, ball(color="red"), options=from_outside())

    assert made["spec"] == {"color": "red", "size": 3}
    assert made["metadata"]["generation"] == 1


async def test_unknown_fields_are_refused_when_the_client_is_strict(registry):
    kind = await defined(registry)

    with pytest.raises(BadRequestError, match=r'strict decoding error: unknown field "spec\.colour"'):
        await registry.create(kind, ball(colour="red"), options=from_outside())


async def test_an_apply_with_unknown_fields_is_refused_in_its_own_words(registry):
    kind = await defined(registry)
    wish = ball(colour="red")
    wish["apiVersion"], wish["kind"] = kind.api_version, kind.kind
    options = WriteOptions(fields=FieldCheck(), manager="me")

    with pytest.raises(BadRequestError, match=r"typed patch object .*: \.spec\.colour: field not declared"):
        await registry.apply(kind, wish, options=options)


async def test_unknown_fields_are_dropped_when_it_is_not(registry):
    kind = await defined(registry)
    options = WriteOptions(fields=FieldCheck("Warn"))

    made = await registry.create(kind, ball(colour="red"), options=options)

    assert made["spec"] == {"size": 3}
    assert options.fields is not None
    assert options.fields.warnings == ['unknown field "spec.colour"']


async def test_values_that_break_the_schema_are_refused_in_the_words_of_kubernetes(registry):
    kind = await defined(registry)

    with pytest.raises(InvalidError) as caught:
        await registry.create(kind, ball(size="big"), options=from_outside())

    assert caught.value.message == (
        'Ball.toys.example "red" is invalid: spec.size: Invalid value: "string":'
        ' spec.size in body must be of type integer: "string"'
    )


async def test_the_status_is_written_apart_only_where_the_definition_says_so(registry):
    kind = await defined(registry, version(subresources={"status": {}}))
    made = await registry.create(kind, ball() | {"status": {"size": 1}})

    updated = await registry.update(kind, {**made, "status": {"size": 2}}, subresource="status")

    assert "status" not in made
    assert updated["status"] == {"size": 2}
    assert updated["metadata"]["generation"] == 1


async def test_scale_reads_and_writes_the_paths_of_the_definition(registry):
    kind = await defined(registry, version(subresources={"status": {}, "scale": SCALE}))
    made = await registry.create(kind, ball())
    await registry.update(kind, {**made, "status": {"size": 2, "selector": "a=b"}}, subresource="status")

    patch = {"spec": {"replicas": 7}}
    scale = await registry.patch(kind, "default", "red", patch, subresource="scale")

    assert scale["spec"] == {"replicas": 7}
    assert scale["status"] == {"replicas": 2, "selector": "a=b"}
    assert registry.get(kind, "default", "red")["spec"]["size"] == 7


async def test_columns_come_from_the_definition(registry):
    columns = [
        {"name": "Color", "type": "string", "jsonPath": ".spec.color"},
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size", "priority": 1},
        {"name": "Made", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    kind = await defined(registry, version(additionalPrinterColumns=columns))
    made = await registry.create(kind, ball(color="red"))

    printed = table(kind, [made], 1_700_000_060.0, "None")

    assert [c["name"] for c in printed["columnDefinitions"]] == ["Name", "Color", "Size", "Made"]
    assert [c["priority"] for c in printed["columnDefinitions"]] == [0, 0, 1, 0]
    assert printed["rows"][0]["cells"] == ["red", "red", 3, "60s"]


async def test_an_object_is_the_same_in_every_version_but_for_its_version(registry):
    await registry.create(CRD, definition(version("v1beta1", storage=False), version("v1")))
    beta = version_of(registry.kinds.find("toys.example", "v1beta1", "balls"))
    body = beta.store(ball(api_version="toys.example/v1beta1"))
    await registry.create(beta.stored, body)

    stored = registry.get(beta.stored, "default", "red")

    assert stored["apiVersion"] == "toys.example/v1"
    assert beta.serve(stored)["apiVersion"] == "toys.example/v1beta1"
    assert registry.kinds.versions("toys.example") == ("v1", "v1beta1")


async def test_objects_from_before_a_default_are_served_with_it(registry):
    open_schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    kind = await defined(registry, version(schema=open_schema))
    stored = await registry.create(kind, ball(color="red"))
    await registry.patch(CRD, "", "balls.toys.example", {"spec": {"versions": [version()]}})

    served = version_of(registry.kinds.find("toys.example", "v1", "balls")).serve(stored)

    assert served["spec"] == {"color": "red", "size": 3}
    assert stored["spec"] == {"color": "red"}


async def test_objects_of_a_former_storage_version_can_be_changed(registry):
    old_kind = await defined(registry, version("v1alpha1"), kind_version="v1alpha1")
    await registry.create(old_kind, ball(api_version="toys.example/v1alpha1"))
    both = [version("v1alpha1", storage=False), version("v1")]
    await registry.patch(CRD, "", "balls.toys.example", {"spec": {"versions": both}})
    kind = registry.kinds.find("toys.example", "v1", "balls")

    patched = await registry.patch(kind, "default", "red", {"spec": {"color": "blue"}})

    assert (patched["apiVersion"], patched["spec"]["color"]) == ("toys.example/v1", "blue")
    assert registry.get(CRD, "", "balls.toys.example")["status"]["storedVersions"] == ["v1alpha1", "v1"]


async def test_a_deleted_definition_takes_its_objects_with_it(registry):
    kind = await defined(registry)
    await registry.create(kind, ball())

    await registry.delete(CRD, "", "balls.toys.example")

    assert registry.list(kind).items == []
    assert registry.list(CRD).items == []
    assert registry.kinds.find("toys.example", "v1", "balls") is None


async def test_a_definition_waits_for_objects_that_finalizers_hold(registry):
    kind = await defined(registry)
    held = ball()
    held["metadata"]["finalizers"] = ["toys.example/hold"]
    await registry.create(kind, held)

    await registry.delete(CRD, "", "balls.toys.example", DeleteOptions())
    with pytest.raises(MethodNotAllowedError, match=r"create not allowed while .* is terminating"):
        await registry.create(kind, ball("blue"))
    assert registry.get(CRD, "", "balls.toys.example")["metadata"]["finalizers"] == [
        "customresourcecleanup.apiextensions.k8s.io"
    ]
    await registry.patch(kind, "default", "red", {"metadata": {"finalizers": None}})

    with pytest.raises(NotFoundError):
        registry.get(CRD, "", "balls.toys.example")


async def test_kinds_are_there_again_after_a_restart(registry, store, clock):
    await defined(registry)

    again = Registry(store, Settings(), clock)

    assert again.kinds.find("toys.example", "v1", "balls") is not None


async def test_a_dry_run_serves_nothing(registry):
    await registry.create(CRD, definition(), options=WriteOptions(dry_run=True))

    assert registry.kinds.find("toys.example", "v1", "balls") is None


async def test_a_name_that_is_taken_is_not_accepted(registry):
    await registry.create(CRD, definition())
    other = custom_resource_definition("Balloon", version(), short_names=("balls",))

    made = await registry.create(CRD, other)

    conditions = {c["type"]: c for c in made["status"]["conditions"]}
    assert conditions["NamesAccepted"]["reason"] == "ShortNamesConflict"
    assert conditions["NamesAccepted"]["message"] == '"balls" is already in use'
    assert conditions["Established"]["status"] == "False"
    assert registry.kinds.find("toys.example", "v1", "balloons") is None


async def test_a_name_is_accepted_when_it_is_free_again(registry):
    await registry.create(CRD, definition())
    await registry.create(CRD, custom_resource_definition("Balloon", version(), short_names=("balls",)))

    await registry.delete(CRD, "", "balls.toys.example")

    kind = registry.kinds.find("toys.example", "v1", "balloons")
    assert kind is not None
    assert kind.short_names == ("balls",)


async def test_a_status_must_fit_the_schema(registry):
    kind = await defined(registry, version(subresources={"status": {}}))
    made = await registry.create(kind, ball())

    with pytest.raises(InvalidError, match=r"status\.size in body must be of type integer"):
        await registry.update(kind, {**made, "status": {"size": "big"}}, subresource="status")


async def test_strategic_merges_are_for_built_in_kinds(registry):
    kind = await defined(registry)
    await registry.create(kind, ball())

    with pytest.raises(UnsupportedMediaTypeError, match="accepted media types include"):
        await registry.patch(kind, "default", "red", {}, patch_type="application/strategic-merge-patch+json")


async def test_a_namespace_ends_with_its_custom_objects(registry):
    kind = await defined(registry)
    await registry.create(NAMESPACE, {"metadata": {"name": "other"}})
    elsewhere = ball()
    await registry.create(kind, {**elsewhere, "metadata": {"name": "red", "namespace": "other"}})
    await registry.delete(NAMESPACE, "", "other")

    await Collector(registry).collect()

    assert registry.list(kind).items == []
    with pytest.raises(NotFoundError):
        registry.get(NAMESPACE, "", "other")


async def test_what_a_custom_object_owns_goes_with_it(registry):
    kind = await defined(registry)
    owner = await registry.create(kind, ball())
    ref = {"apiVersion": "toys.example/v1", "kind": "Ball", "name": "red", "uid": owner["metadata"]["uid"]}
    meta = {"name": "air", "namespace": "default", "ownerReferences": [ref]}
    await registry.create(CONFIG_MAP, {"metadata": meta})

    await registry.delete(kind, "default", "red")
    await Collector(registry).collect()

    assert registry.list(CONFIG_MAP).items == []
