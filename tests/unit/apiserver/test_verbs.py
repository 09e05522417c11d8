"""The REST API's verbs as clients use them: pages, forms, apply, eviction, events in both groups."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.api.kinds import CONFIG_MAP, DEPLOYMENT, JOB, POD, POD_DISRUPTION_BUDGET
from netemu.apiserver.paging import PageRequest, parse_token
from netemu.apiserver.registry import Registry
from netemu.apiserver.selection import EVERYTHING
from netemu.settings import Settings
from netemu.testing import builders
from netemu.testing.memory_store import MemoryStore

DEFAULT = "/api/v1/namespaces/default"
CONFIG_MAPS = f"{DEFAULT}/configmaps"
JSON = {"Content-Type": "application/json"}
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"


def encoded(value):
    return msgspec.json.encode(value)


def config_map(name="c", **data):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"},
        "data": data,
    }


def pod(name="p", **labels):
    spec = {"containers": [{"name": "c", "image": "nginx"}], "nodeName": "node-1"}
    return {"metadata": {"name": name, "namespace": "default", "labels": labels}, "spec": spec}


async def ask(http, method, path, *, query=None, body=None, **headers):
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    raw = b"" if body is None else encoded(body)
    answer = await http.request(method, path, query=query, body=raw, headers={**JSON, **sent})
    return answer.status, msgspec.json.decode(answer.body)


async def test_a_list_comes_in_pages_of_one_moment(http):
    for name in "abc":
        await http.create(CONFIG_MAP, config_map(name))
    _, first = await ask(http, "GET", CONFIG_MAPS, query={"limit": "2"})
    await http.create(CONFIG_MAP, config_map("d"))
    await http.delete(CONFIG_MAP, "default", "c")
    token = first["metadata"]["continue"]
    _, rest = await ask(http, "GET", CONFIG_MAPS, query={"limit": "2", "continue": token})

    assert first["metadata"]["remainingItemCount"] == 1
    assert [obj["metadata"]["name"] for obj in first["items"] + rest["items"]] == ["a", "b", "c"]
    assert rest["metadata"] == {"resourceVersion": first["metadata"]["resourceVersion"]}


async def test_a_token_from_too_long_ago_says_how_to_go_on(http, store):
    for name in "abc":
        await http.create(CONFIG_MAP, config_map(name))
    _, first = await ask(http, "GET", CONFIG_MAPS, query={"limit": "2"})
    await http.create(CONFIG_MAP, config_map("d"))
    store.compact(store.revision)
    query = {"limit": "2", "continue": first["metadata"]["continue"]}
    gone, status = await ask(http, "GET", CONFIG_MAPS, query=query)
    query = {"limit": "2", "continue": status["metadata"]["continue"]}
    _, rest = await ask(http, "GET", CONFIG_MAPS, query=query)

    assert (gone, status["reason"]) == (410, "Expired")
    assert [obj["metadata"]["name"] for obj in rest["items"]] == ["c", "d"]


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        pytest.param({"continue": "nonsense"}, 400, "continue key is not valid", id="token"),
        pytest.param(
            {"resourceVersionMatch": "Exact"}, 422, "forbidden unless resourceVersion is provided", id="match"
        ),
        pytest.param(
            {"resourceVersionMatch": "Exact", "resourceVersion": "0"},
            422,
            'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
            id="exactly-any",
        ),
        pytest.param(
            {"sendInitialEvents": "true"}, 422, "sendInitialEvents is forbidden for list", id="initial"
        ),
        pytest.param({"resourceVersion": "999999"}, 504, "Too large resource version: 999999", id="future"),
        pytest.param(
            {"watch": "1", "resourceVersionMatch": "NotOlderThan"},
            422,
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            id="watch-match",
        ),
    ],
)
async def test_options_that_contradict_each_other_are_refused(http, query, status, said):
    code, answer = await ask(http, "GET", CONFIG_MAPS, query=query)

    assert code == status
    assert said in answer["message"]


async def test_an_object_is_not_read_as_of_a_revision_that_is_not_there_yet(http):
    made = await http.create(CONFIG_MAP, config_map(k="v"))
    seen = {"resourceVersion": made["metadata"]["resourceVersion"]}
    now, _ = await ask(http, "GET", f"{CONFIG_MAPS}/c", query=seen)
    later, answer = await ask(http, "GET", f"{CONFIG_MAPS}/c", query={"resourceVersion": "999999"})

    assert (now, later) == (200, 504)
    assert answer["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


async def test_metadata_alone_can_be_asked_for(http):
    await http.create(CONFIG_MAP, config_map(k="v"))
    _, one = await ask(http, "GET", f"{CONFIG_MAPS}/c", Accept=METADATA)
    _, many = await ask(http, "GET", CONFIG_MAPS, Accept=METADATA_LIST)

    assert (one["kind"], one["metadata"]["name"], "data" in one) == ("PartialObjectMetadata", "c", False)
    assert many["kind"] == "PartialObjectMetadataList"
    assert many["items"][0]["kind"] == "PartialObjectMetadata"


async def test_a_form_that_cannot_be_made_is_not_acceptable(http):
    code, _ = await ask(http, "GET", CONFIG_MAPS, Accept="application/json;as=Poem;g=meta.k8s.io;v=v1")

    assert code == 406


@pytest.mark.parametrize("include", ["None", "Metadata", "Object"])
async def test_rows_of_a_table_carry_what_is_asked_for(http, include):
    await http.create(CONFIG_MAP, config_map(k="v"))
    _, table = await ask(http, "GET", CONFIG_MAPS, query={"includeObject": include}, Accept=TABLE)

    kinds = {"None": None, "Metadata": "PartialObjectMetadata", "Object": "ConfigMap"}
    assert table["rows"][0].get("object", {}).get("kind") == kinds[include]


async def apply(http, body, *, manager="kubectl", force="false", **query):
    headers = {"Content_Type": "application/apply-patch+yaml"}
    query = {"fieldManager": manager, "force": force, **query}
    return await ask(http, "PATCH", f"{CONFIG_MAPS}/c", query=query, body=body, **headers)


async def test_an_apply_creates_then_changes_then_conflicts(http):
    created, _ = await apply(http, config_map(a="1", b="2"))
    changed, obj = await apply(http, config_map(a="9"))
    refused, status = await apply(http, config_map(a="0"), manager="other")
    forced, taken = await apply(http, config_map(a="0"), manager="other", force="true")

    assert (created, changed, refused, forced) == (201, 200, 409, 200)
    assert obj["data"] == {"a": "9"}
    assert status["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl"', "field": ".data.a"}
    ]
    assert taken["data"] == {"a": "0"}


async def test_an_apply_that_changes_nothing_writes_nothing(http, clock):
    _, first = await apply(http, config_map(a="1"))
    clock.now_s += 60
    _, again = await apply(http, config_map(a="1"))

    assert again == first


async def test_a_dry_run_of_an_apply_leaves_no_trace(http, registry):
    await apply(http, config_map(a="1"), dryRun="All")

    assert registry.list(CONFIG_MAP).items == []


async def test_who_writes_is_named_by_the_query_or_the_program(http):
    await ask(http, "POST", CONFIG_MAPS, body=config_map(a="1"), User_Agent="tool/v1.0 (linux)")
    patch = {"data": {"b": "2"}}
    kind = "application/merge-patch+json"
    query = {"fieldManager": "me"}
    _, obj = await ask(http, "PATCH", f"{CONFIG_MAPS}/c", query=query, body=patch, Content_Type=kind)

    assert [entry["manager"] for entry in obj["metadata"]["managedFields"]] == ["me", "tool"]


async def test_all_managers_are_forgotten_on_demand(http):
    _, obj = await ask(http, "POST", CONFIG_MAPS, body=config_map(a="1"))
    patch = [{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}]
    kind = "application/json-patch+json"
    _, obj = await ask(http, "PATCH", f"{CONFIG_MAPS}/c", body=patch, Content_Type=kind)

    assert "managedFields" not in obj["metadata"]


async def running(registry, name, **labels):
    await registry.create(POD, pod(name, **labels))
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    await registry.patch(POD, "default", name, {"status": ready}, subresource="status")


async def evict(http, name):
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "default"}}
    return await ask(http, "POST", f"{DEFAULT}/pods/{name}/eviction", body=body)


@pytest.mark.parametrize(
    ("budget", "codes"),
    [
        pytest.param({"minAvailable": 1}, [201, 429], id="min"),
        pytest.param({"minAvailable": "50%"}, [201, 429], id="min-percent"),
        pytest.param({"maxUnavailable": 0}, [429, 429], id="none"),
        pytest.param({"maxUnavailable": 2}, [201, 201], id="max"),
    ],
)
async def test_an_eviction_asks_the_budget(http, registry, budget, codes):
    for name in ("a", "b"):
        await running(registry, name, app="web")
    meta = {"name": "pdb", "namespace": "default"}
    spec = {"selector": {"matchLabels": {"app": "web"}}, **budget}
    await registry.create(POD_DISRUPTION_BUDGET, {"metadata": meta, "spec": spec})

    answers = [await evict(http, name) for name in ("a", "b")]

    assert [code for code, _ in answers] == codes
    said = {status.get("message", "") for code, status in answers if code == 429}
    assert said <= {"Cannot evict pod as it would violate the pod's disruption budget."}


async def test_a_budget_that_could_not_be_counted_lets_nothing_go(http, registry):
    await running(registry, "a", app="web")
    meta = {"name": "pdb", "namespace": "default"}
    spec = {"selector": {"matchLabels": {"app": "web"}}, "maxUnavailable": 1}
    await registry.create(POD_DISRUPTION_BUDGET, {"metadata": meta, "spec": spec})
    why = {"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": "no scale"}
    status = {"conditions": [{**why, "lastTransitionTime": "2026-01-01T00:00:00Z"}], "disruptionsAllowed": 0}
    await registry.patch(POD_DISRUPTION_BUDGET, "default", "pdb", {"status": status}, subresource="status")

    code, answer = await evict(http, "a")

    assert code == 429
    assert answer["details"]["causes"][0]["message"] == (
        "The disruption budget pdb does not allow evicting pods currently because it failed sync: no scale"
    )


async def test_an_evicted_pod_says_why_it_ends(http, registry):
    await running(registry, "a", app="web")
    await evict(http, "a")

    conditions = registry.get(POD, "default", "a")["status"]["conditions"]
    assert [c["reason"] for c in conditions if c["type"] == "DisruptionTarget"] == ["EvictionByEvictionAPI"]


async def test_ephemeral_containers_are_added_and_stay(http, registry):
    await running(registry, "p")
    path, kind = f"{DEFAULT}/pods/p/ephemeralcontainers", "application/strategic-merge-patch+json"
    added = {"spec": {"ephemeralContainers": [{"name": "debugger", "image": "busybox"}]}}
    code, obj = await ask(http, "PATCH", path, body=added, Content_Type=kind)
    gone = {**obj, "spec": {**obj["spec"], "ephemeralContainers": []}}
    refused, _ = await ask(http, "PUT", path, body=gone)

    assert (code, refused) == (200, 422)
    assert obj["spec"]["ephemeralContainers"][0]["name"] == "debugger"


async def test_a_binding_is_posted_to_the_pod_or_by_itself(http, registry):
    unbound = pod("p")
    del unbound["spec"]["nodeName"]
    await registry.create(POD, unbound)
    body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"name": "node-1"}}
    code, _ = await ask(http, "POST", f"{DEFAULT}/bindings", body=body)

    assert code == 201
    assert registry.get(POD, "default", "p")["spec"]["nodeName"] == "node-1"


async def test_a_gated_pod_is_not_bound_and_a_bound_one_needs_no_room(http, registry):
    gated = pod("p")
    del gated["spec"]["nodeName"]
    gated["spec"]["schedulingGates"] = [{"name": "wait"}]
    await registry.create(POD, gated)
    nominated = {"status": {"nominatedNodeName": "node-2"}}
    await registry.patch(POD, "default", "p", nominated, subresource="status")
    body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"name": "node-1"}}
    refused, status = await ask(http, "POST", f"{DEFAULT}/bindings", body=body)
    await registry.patch(POD, "default", "p", {"spec": {"schedulingGates": None}})
    code, _ = await ask(http, "POST", f"{DEFAULT}/bindings", body=body)

    assert (refused, code) == (409, 201)
    assert "has non-empty .spec.schedulingGates" in status["message"]
    assert "nominatedNodeName" not in registry.get(POD, "default", "p")["status"]


async def test_events_are_the_same_in_both_groups(http):
    new = "/apis/events.k8s.io/v1/namespaces/default/events"
    event = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "default"},
        "regarding": {"kind": "Pod", "name": "p", "namespace": "default"},
        "note": "said",
        "reason": "Tried",
        "action": "Try",
        "type": "Normal",
        "eventTime": "2024-01-01T00:00:00.000000Z",
        "reportingController": "example.com/tool",
        "reportingInstance": "tool-1",
    }
    code, made = await ask(http, "POST", new, body=event)
    _, old = await ask(http, "GET", f"{DEFAULT}/events/e")
    _, listed = await ask(http, "GET", new, query={"fieldSelector": "regarding.name=p"})

    assert code == 201
    assert (made["note"], made["apiVersion"]) == ("said", "events.k8s.io/v1")
    assert (old["message"], old["involvedObject"]["name"], old["apiVersion"]) == ("said", "p", "v1")
    assert listed["items"] == [{key: made[key] for key in made if key not in ("kind", "apiVersion")}]


async def test_the_pods_of_a_job_stay_unless_a_client_says_what_to_do(http, registry):
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "nginx"}]}}
    job = {"metadata": {"name": "j", "namespace": "default"}, "spec": {"template": template}}
    await registry.create(JOB, job)
    answer = await http.request("DELETE", "/apis/batch/v1/namespaces/default/jobs/j")

    assert answer.headers["warning"].startswith('299 - "child pods are preserved by default')
    assert registry.get(JOB, "default", "j")["metadata"]["finalizers"] == ["orphan"]


async def test_users_of_endpoints_are_warned(http):
    answer = await http.request("GET", f"{DEFAULT}/endpoints")

    assert answer.headers["warning"] == (
        '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"'
    )


async def test_a_stale_update_conflicts_in_kubernetes_words(http, registry):
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    body = {"metadata": {"name": "x", "namespace": "default"}, "spec": spec}
    made = await registry.create(DEPLOYMENT, body)
    await registry.patch(DEPLOYMENT, "default", "x", {"spec": {"replicas": 3}})
    path = "/apis/apps/v1/namespaces/default/deployments/x"
    code, status = await ask(http, "PUT", path, body={**made, "spec": {**made["spec"], "paused": True}})

    assert code == 409
    assert status["message"] == (
        'Operation cannot be fulfilled on deployments.apps "x": the object has been modified;'
        " please apply your changes to the latest version and try again"
    )


@settings(max_examples=30)
@given(st.sets(st.text("abc-", min_size=1, max_size=4), max_size=12), st.integers(1, 5))
def test_a_paged_list_equals_an_unpaged_one(names, limit):
    import asyncio

    async def fill():
        for name in names:
            await store.put(f"configmaps/{name}/x", {"metadata": {"namespace": name, "name": "x"}})

    store = MemoryStore()
    asyncio.run(fill())
    registry = Registry(store, Settings(), lambda: 0.0)
    items, wanted = [], PageRequest(limit=limit)
    while wanted is not None:
        page = registry.page(CONFIG_MAP, "", EVERYTHING, wanted)
        items += page.items
        token = page.continue_token
        start = parse_token(token) if token else None
        wanted = PageRequest(limit=limit, start=start, revision=start.revision) if start else None

    assert items == registry.list(CONFIG_MAP).items


async def test_a_patch_that_makes_something_unreadable_is_invalid(http, registry):
    await registry.create(CONFIG_MAP, {"metadata": {"name": "c", "namespace": "default"}})
    answer = await http.request(
        "PATCH",
        "/api/v1/namespaces/default/configmaps/c",
        body=b'{"data":{"a":1}}',
        headers={"Content-Type": "application/merge-patch+json"},
    )

    assert answer.status == 422
    assert b"json: cannot unmarshal number into Go struct field ConfigMap.data of type string" in answer.body


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("pods/p/binding", b'{"target":"x"}', b"struct field Binding.target of type v1.ObjectReference"),
        ("pods/p/eviction", b'{"deleteOptions":1}', b"struct field Eviction.deleteOptions of type"),
    ],
)
async def test_bodies_of_subresources_are_read_as_strictly(http, registry, path, body, words):
    await registry.create(POD, builders.pod("p"))
    headers = {"Content-Type": "application/json"}
    answer = await http.request("POST", f"/api/v1/namespaces/default/{path}", body=body, headers=headers)

    assert answer.status == 400
    assert words in answer.body


async def test_a_json_patch_of_a_new_event_names_new_fields(http):
    path = "/apis/events.k8s.io/v1/namespaces/default/events"
    event = {
        "metadata": {"name": "e"},
        "regarding": {"kind": "Pod", "namespace": "default", "name": "p"},
        "eventTime": "2024-01-01T00:00:00.000000Z",
        "reportingController": "c",
        "reportingInstance": "i",
        "action": "Do",
        "reason": "Test",
        "type": "Normal",
        "note": "old",
    }
    made = await http.request("POST", path, body=encoded(event), headers=JSON)
    patch = [
        {"op": "test", "path": "/regarding/name", "value": "p"},
        {"op": "replace", "path": "/note", "value": "new"},
    ]
    headers = {"Content-Type": "application/json-patch+json"}
    answer = await http.request("PATCH", f"{path}/e", body=encoded(patch), headers=headers)

    assert (made.status, answer.status) == (201, 200)
    assert msgspec.json.decode(answer.body)["note"] == "new"
