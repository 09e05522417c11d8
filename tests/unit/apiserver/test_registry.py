"""What the verbs mean: create, update, patch, and what the API writes by itself."""

from __future__ import annotations

import re

import pytest

from netemu.api.errors import (
    AlreadyExistsError,
    BadRequestError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    MethodNotAllowedError,
    NotFoundError,
)
from netemu.api.kinds import CONFIG_MAP, DEPLOYMENT, NAMESPACE, NODE, POD
from netemu.apiserver.options import FieldCheck, WriteOptions
from netemu.apiserver.selection import parse_selection


def pod(name="web", **more):
    return {
        "metadata": {"name": name, "namespace": "default", **more},
        "spec": {"containers": [{"name": "c", "image": "nginx"}]},
    }


def deployment(replicas=1, **meta):
    labels = {"app": "web"}
    return {
        "metadata": {"name": "web", "namespace": "default", **meta},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod()["spec"]},
        },
    }


def config_map(name="c", **data):
    return {"metadata": {"name": name, "namespace": "default"}, "data": data}


async def test_a_created_object_gets_what_only_the_api_knows(registry, store):
    made = await registry.create(POD, pod())

    meta = made["metadata"]
    assert (made["apiVersion"], made["kind"]) == ("v1", "Pod")
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", meta["uid"])
    assert meta["creationTimestamp"] == "2023-11-14T22:13:20Z"
    assert meta["generation"] == 1
    assert meta["resourceVersion"] == str(store.revision)
    assert made["spec"]["restartPolicy"] == "Always"
    assert registry.get(POD, "default", "web") is made


async def test_creating_does_not_touch_what_the_caller_holds(registry):
    given = pod()
    await registry.create(POD, given)

    assert given == pod()


async def test_what_a_creator_may_not_set_is_dropped(registry):
    made = await registry.create(
        POD,
        {
            **pod(uid="mine", resourceVersion="7", deletionTimestamp="x", selfLink="y"),
            "status": {"phase": "Running"},
        },
    )

    assert made["status"]["phase"] == "Pending"
    assert made["metadata"]["uid"] != "mine"
    assert not {"deletionTimestamp", "selfLink"} & made["metadata"].keys()


async def test_a_node_brings_its_status_with_it(registry):
    status = {"capacity": {"pods": "110"}}
    made = await registry.create(NODE, {"metadata": {"name": "n"}, "status": status})

    assert made["status"]["capacity"] == {"pods": "110"}


async def test_generated_names_use_kubernetes_alphabet(registry):
    made = await registry.create(POD, {**pod(), "metadata": {"namespace": "default", "generateName": "web-"}})

    assert re.fullmatch(r"web-[bcdfghjklmnpqrstvwxz2456789]{5}", made["metadata"]["name"])


async def test_a_long_prefix_still_makes_a_valid_name(registry):
    made = await registry.create(CONFIG_MAP, {"metadata": {"namespace": "default", "generateName": "x" * 80}})

    assert len(made["metadata"]["name"]) == 63


async def test_a_taken_name_is_refused(registry):
    await registry.create(POD, pod())

    with pytest.raises(AlreadyExistsError, match=r'^pods "web" already exists$'):
        await registry.create(POD, pod())


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        pytest.param(
            pod(namespace="nowhere"), NotFoundError, 'namespaces "nowhere" not found', id="no-namespace"
        ),
        pytest.param(
            {"metadata": {"namespace": "default"}}, InvalidError, "name or generateName", id="no-name"
        ),
        pytest.param({"metadata": {"name": "x"}}, BadRequestError, "empty namespace", id="which-namespace"),
        pytest.param(
            {**pod(), "kind": "Node"}, BadRequestError, r"\(v1, Node\) do not match .*\(v1, Pod\)", id="kind"
        ),
        pytest.param("text", BadRequestError, "cannot unmarshal string into Go value", id="no-object"),
        pytest.param(pod("UPPER"), InvalidError, "metadata.name: Invalid value", id="invalid"),
    ],
)
async def test_what_cannot_be_created_is_refused_with_the_reason(registry, store, body, error, message):
    before = store.revision

    with pytest.raises(error, match=message):
        await registry.create(POD, body)
    assert store.revision == before


async def test_a_terminating_namespace_takes_nothing_new(registry):
    await registry.create(NAMESPACE, {"metadata": {"name": "old"}})
    await registry.delete(NAMESPACE, "", "old")

    with pytest.raises(ForbiddenError) as caught:
        await registry.create(POD, pod(namespace="old"))

    assert caught.value.message == (
        'pods "web" is forbidden: unable to create new content in namespace old '
        "because it is being terminated"
    )
    assert caught.value.causes[0].reason == "NamespaceTerminating"


async def test_an_update_of_an_older_version_is_a_conflict(registry):
    first = await registry.create(CONFIG_MAP, config_map(a="1"))
    await registry.update(CONFIG_MAP, {**first, "data": {"a": "2"}})

    with pytest.raises(ConflictError, match='on configmaps "c": the object has been modified; please apply'):
        await registry.update(CONFIG_MAP, {**first, "data": {"a": "3"}})


async def test_an_update_without_a_version_always_goes_through(registry):
    await registry.create(CONFIG_MAP, config_map(a="1"))
    made = await registry.update(CONFIG_MAP, config_map(a="2"))

    assert made["data"] == {"a": "2"}


async def test_an_update_meant_for_an_earlier_object_of_that_name_is_a_conflict(registry):
    await registry.create(CONFIG_MAP, config_map())

    with pytest.raises(ConflictError, match="UID in precondition: other"):
        await registry.update(CONFIG_MAP, {"metadata": {"name": "c", "namespace": "default", "uid": "other"}})


async def test_an_update_that_changes_nothing_writes_nothing(registry, store):
    made = await registry.create(CONFIG_MAP, config_map(a="1"))

    again = await registry.update(CONFIG_MAP, config_map(a="1"))

    assert again is made
    assert again["metadata"]["resourceVersion"] == str(store.revision)


async def test_updating_what_does_not_exist_fails(registry):
    with pytest.raises(NotFoundError, match='configmaps "c" not found'):
        await registry.update(CONFIG_MAP, config_map())


async def test_spec_and_status_are_written_apart(registry):
    made = await registry.create(DEPLOYMENT, deployment())
    specced = await registry.update(DEPLOYMENT, {**deployment(replicas=3), "status": {"replicas": 9}})
    statused = await registry.update(
        DEPLOYMENT, {**deployment(replicas=7), "status": {"replicas": 3}}, subresource="status"
    )

    assert specced["spec"]["replicas"] == 3
    assert specced.get("status") == made.get("status")
    assert statused["spec"]["replicas"] == 3
    assert statused["status"] == {"replicas": 3}


async def test_the_generation_counts_changes_of_the_spec_only(registry):
    generations = [
        (await registry.create(DEPLOYMENT, deployment())),
        (await registry.update(DEPLOYMENT, deployment(labels={"a": "b"}))),
        (await registry.update(DEPLOYMENT, deployment(replicas=2, labels={"a": "b"}))),
        (
            await registry.update(
                DEPLOYMENT, {**deployment(), "status": {"replicas": 1}}, subresource="status"
            )
        ),
    ]

    assert [obj["metadata"]["generation"] for obj in generations] == [1, 1, 2, 2]


async def test_the_parts_that_did_not_change_are_shared_between_versions(registry):
    first = await registry.create(DEPLOYMENT, deployment())
    second = await registry.update(DEPLOYMENT, deployment(labels={"a": "b"}))

    assert second["spec"] is first["spec"]


async def test_a_subresource_that_a_kind_has_not_is_refused(registry):
    with pytest.raises(MethodNotAllowedError):
        await registry.update(CONFIG_MAP, config_map(), subresource="status")


@pytest.mark.parametrize(
    ("patch_type", "patch"),
    [
        pytest.param("application/merge-patch+json", {"data": {"a": None, "b": "2"}}, id="merge"),
        pytest.param(
            "application/strategic-merge-patch+json", {"data": {"a": None, "b": "2"}}, id="strategic"
        ),
        pytest.param(
            "application/json-patch+json",
            [{"op": "remove", "path": "/data/a"}, {"op": "add", "path": "/data/b", "value": "2"}],
            id="json",
        ),
    ],
)
async def test_every_type_of_patch_changes_only_what_it_says(registry, patch_type, patch):
    await registry.create(CONFIG_MAP, config_map(a="1", c="3"))

    made = await registry.patch(CONFIG_MAP, "default", "c", patch, patch_type=patch_type)

    assert made["data"] == {"b": "2", "c": "3"}


@pytest.mark.parametrize(
    ("patch", "error"),
    [
        pytest.param({"metadata": {"resourceVersion": "1"}}, ConflictError, id="older-version"),
        pytest.param({"metadata": {"name": "d"}}, BadRequestError, id="renamed"),
        pytest.param("text", BadRequestError, id="no-object"),
        pytest.param({"metadata": {"labels": {"-": "x"}}}, InvalidError, id="invalid"),
    ],
)
async def test_a_patch_that_cannot_be_is_refused(registry, patch, error):
    await registry.create(CONFIG_MAP, config_map())

    with pytest.raises(error):
        await registry.patch(CONFIG_MAP, "default", "c", patch)


async def test_a_status_patch_leaves_the_rest_alone(registry):
    await registry.create(DEPLOYMENT, deployment())
    patch = {"spec": {"replicas": 5}, "status": {"replicas": 1}}

    made = await registry.patch(DEPLOYMENT, "default", "web", patch, subresource="status")

    assert (made["spec"]["replicas"], made["status"]["replicas"]) == (1, 1)


@pytest.mark.parametrize(
    ("mode", "warnings"),
    [
        pytest.param("Warn", ['unknown field "spec.colour"'], id="warn"),
        pytest.param("Ignore", [], id="ignore"),
    ],
)
async def test_unknown_fields_are_dropped_when_they_are_no_error(registry, mode, warnings):
    fields = FieldCheck(mode)
    body = pod()
    body["spec"]["colour"] = "red"

    made = await registry.create(POD, body, options=WriteOptions(fields=fields))

    assert "colour" not in made["spec"]
    assert fields.warnings == warnings


async def test_unknown_fields_are_an_error_by_default(registry):
    body = pod()
    body["spec"]["colour"] = "red"

    with pytest.raises(BadRequestError, match=r'strict decoding error: unknown field "spec\.colour"'):
        await registry.create(POD, body, options=WriteOptions(fields=FieldCheck()))


async def test_a_dry_run_answers_and_writes_nothing(registry, store):
    before = store.revision
    made = await registry.create(POD, pod(), options=WriteOptions(dry_run=True))

    assert made["metadata"]["uid"]
    assert store.revision == before


async def test_lists_are_by_namespace_and_selection(registry):
    await registry.create(NAMESPACE, {"metadata": {"name": "other"}})
    for name, namespace, tier in (("a", "default", "x"), ("b", "default", "y"), ("c", "other", "x")):
        await registry.create(POD, pod(name, namespace=namespace, labels={"tier": tier}))

    def names(namespace, labels="", fields=""):
        found = registry.list(POD, namespace, parse_selection(POD, labels, fields))
        return [obj["metadata"]["name"] for obj in found.items]

    assert names("") == ["a", "b", "c"]
    assert names("default") == ["a", "b"]
    assert names("", "tier=x") == ["a", "c"]
    assert names("", "tier=x", "metadata.namespace=other") == ["c"]
