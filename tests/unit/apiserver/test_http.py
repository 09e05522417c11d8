"""The REST API over a real Unix socket."""

from __future__ import annotations

import socket
import stat

import msgspec
import pytest

from netemu.api.kinds import CONFIG_MAP, DEPLOYMENT, FLOW_SCHEMA, POD, PRIORITY_LEVEL_CONFIGURATION
from netemu.apiserver.http import SocketTakenError, open_listener, serve
from netemu.apiserver.limits import MAX_BODY_BYTES
from netemu.testing.eventually import eventually

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
JSON = {"Content-Type": "application/json"}


def config_map(name="c", **data):
    return {"metadata": {"name": name, "namespace": "default"}, "data": data}


def encoded(value):
    return msgspec.json.encode(value)


def decoded(response):
    return msgspec.json.decode(response.body)


async def take_lines(stream, count):
    """Read that many lines of a stream, decoded."""
    lines, rest = [], b""
    async for piece in stream:
        *whole, rest = (rest + piece).split(b"\n")
        lines += whole
        if len(lines) >= count:
            break
    return [msgspec.json.decode(line) for line in lines]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api", "APIVersions"),
        ("/apis", "APIGroupList"),
        ("/apis/apps", "APIGroup"),
        ("/api/v1", "APIResourceList"),
        ("/apis/apps/v1", "APIResourceList"),
    ],
)
async def test_discovery_documents_are_served(http, path, kind):
    assert decoded(await http.request("GET", path))["kind"] == kind


async def test_a_resource_lists_its_verbs_and_subresources(http):
    resources = decoded(await http.request("GET", "/apis/apps/v1"))["resources"]
    by_name = {resource["name"]: resource for resource in resources}

    assert by_name["deployments"]["shortNames"] == ["deploy"]
    assert by_name["deployments"]["singularName"] == "deployment"
    assert "watch" in by_name["deployments"]["verbs"]
    assert by_name["deployments/scale"]["kind"] == "Scale"


async def test_the_version_is_the_one_that_is_emulated(http):
    version = decoded(await http.request("GET", "/version"))

    assert (version["major"], version["minor"]) == ("1", "37")
    assert version["gitVersion"].startswith("v1.37.1+netemu")


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
async def test_health_is_ok(http, path):
    assert (await http.request("GET", path)).body == b"ok"


async def test_readyz_names_what_it_waits_for(registry, pods, socket_path):
    from netemu.apiclient.http import HttpClient

    async with serve(registry, pods, socket_path, lambda: "DNS to answer"):
        client = HttpClient(socket_path)
        response = await client.request("GET", "/readyz/cluster")
        await client.close()

    assert (response.status, response.body) == (500, b"internal server error: DNS to answer\n")


@pytest.mark.parametrize("path", ["/version", "/api/v1/pods", "/api/v1/namespaces/none", "/livez", "/none"])
async def test_every_answer_has_the_headers_of_kubernetes(http, path):
    answer = await http.request("GET", path, headers={"Audit-ID": "mine"})

    assert answer.headers["cache-control"] == "no-cache, private"
    assert answer.headers["audit-id"] == "mine"
    assert "server" not in answer.headers


async def test_an_answer_names_the_flow_that_its_request_is_of(http, registry):
    level = {"type": "Exempt"}
    made = await registry.create(PRIORITY_LEVEL_CONFIGURATION, {"metadata": {"name": "l"}, "spec": level})
    everywhere = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"]}
    rule = {"subjects": [{"kind": "Group", "group": {"name": "*"}}], "resourceRules": [everywhere]}
    spec = {"priorityLevelConfiguration": {"name": "l"}, "matchingPrecedence": 1, "rules": [rule]}
    schema = await registry.create(FLOW_SCHEMA, {"metadata": {"name": "s"}, "spec": spec})
    answer = await http.request("GET", "/api/v1/namespaces/default/pods")

    assert answer.headers["x-kubernetes-pf-flowschema-uid"] == schema["metadata"]["uid"]
    assert answer.headers["x-kubernetes-pf-prioritylevel-uid"] == made["metadata"]["uid"]


async def test_every_request_has_an_audit_id_of_its_own(http):
    answers = [await http.request("GET", "/version") for _ in range(2)]

    assert len({answer.headers["audit-id"] for answer in answers}) == 2


async def test_an_object_is_created_read_replaced_patched_and_deleted(http):
    created = await http.request("POST", CONFIG_MAPS, body=encoded(config_map(a="1")), headers=JSON)
    read = await http.get(CONFIG_MAP, "default", "c")
    await http.update(CONFIG_MAP, {**read, "data": {"a": "2"}})
    patched = await http.patch(CONFIG_MAP, "default", "c", {"data": {"b": "3"}})
    deleted = await http.delete(CONFIG_MAP, "default", "c")

    assert created.status == 201
    assert patched["data"] == {"a": "2", "b": "3"}
    assert (deleted["kind"], deleted["status"]) == ("Status", "Success")
    assert deleted["details"]["uid"] == read["metadata"]["uid"]
    assert (await http.request("GET", f"{CONFIG_MAPS}/c")).status == 404


async def test_a_list_carries_its_kind_and_revision(http, registry):
    await http.create(CONFIG_MAP, config_map())

    listing = decoded(await http.request("GET", "/api/v1/configmaps"))

    assert (listing["kind"], listing["apiVersion"]) == ("ConfigMapList", "v1")
    assert listing["metadata"]["resourceVersion"] == str(registry.revision)
    assert [item["metadata"]["name"] for item in listing["items"]] == ["c"]


async def test_selectors_narrow_a_list(http):
    for name, tier in (("a", "x"), ("b", "y")):
        obj = config_map(name)
        obj["metadata"]["labels"] = {"tier": tier}
        await http.create(CONFIG_MAP, obj)

    by_label = await http.list(CONFIG_MAP, label_selector="tier in (y)")
    by_field = await http.list(CONFIG_MAP, "default", field_selector="metadata.name=a")

    assert [obj["metadata"]["name"] for obj in by_label.items] == ["b"]
    assert [obj["metadata"]["name"] for obj in by_field.items] == ["a"]


async def test_bodies_may_be_yaml(http):
    body = b"metadata: {name: c}\ndata: {day: '2024-01-01'}\n"
    response = await http.request(
        "POST", CONFIG_MAPS, body=body, headers={"Content-Type": "application/yaml"}
    )

    assert decoded(response)["data"] == {"day": "2024-01-01"}


@pytest.mark.parametrize(
    ("method", "path", "body", "content_type", "status", "reason"),
    [
        pytest.param("GET", "/nowhere", b"", "", 404, "NotFound", id="path"),
        pytest.param("GET", "/api/v1/gadgets", b"", "", 404, "NotFound", id="resource"),
        pytest.param("GET", "/apis/apps/v2/deployments", b"", "", 404, "NotFound", id="version"),
        pytest.param("GET", f"{CONFIG_MAPS}/none", b"", "", 404, "NotFound", id="object"),
        pytest.param("GET", f"{CONFIG_MAPS}/none/status", b"", "", 404, "NotFound", id="subresource"),
        pytest.param("PUT", CONFIG_MAPS, b"{}", "application/json", 405, "MethodNotAllowed", id="verb"),
        pytest.param("POST", CONFIG_MAPS, b"{", "application/json", 400, "BadRequest", id="json"),
        pytest.param("POST", CONFIG_MAPS, b"a: [", "application/yaml", 400, "BadRequest", id="yaml"),
        pytest.param("POST", CONFIG_MAPS, b"[]", "application/json", 400, "BadRequest", id="list"),
        pytest.param("POST", CONFIG_MAPS, b"", "application/json", 400, "BadRequest", id="empty"),
        pytest.param("POST", CONFIG_MAPS, b"x", "text/plain", 415, "UnsupportedMediaType", id="type"),
        pytest.param(
            "POST", CONFIG_MAPS, b"x" * (MAX_BODY_BYTES + 1), "application/json", 413,
            "RequestEntityTooLarge", id="large",
        ),
        pytest.param(
            "PATCH", f"{CONFIG_MAPS}/c", b"{}", "application/apply-patch+yaml", 422,
            "Invalid", id="apply-by-nobody",
        ),
        pytest.param("GET", f"{CONFIG_MAPS}?labelSelector=a+b", b"", "", 400, "BadRequest", id="selector"),
        pytest.param("GET", f"{CONFIG_MAPS}?watch=maybe", b"", "", 400, "BadRequest", id="flag"),
        pytest.param("GET", f"{CONFIG_MAPS}?watch=1&timeoutSeconds=x", b"", "", 400, "BadRequest", id="int"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_answered_with_a_status(
    http, method, path, body, content_type, status, reason
):
    response = await http.request(method, path, body=body, headers={"Content-Type": content_type})
    answer = decoded(response)

    assert response.status == answer["code"] == status
    assert (answer["kind"], answer["status"], answer["reason"]) == ("Status", "Failure", reason)


async def test_an_invalid_object_is_answered_with_its_causes(http):
    response = await http.request("POST", CONFIG_MAPS, body=encoded(config_map("UPPER")), headers=JSON)
    answer = decoded(response)

    assert (response.status, answer["reason"]) == (422, "Invalid")
    assert (answer["details"]["kind"], answer["details"]["name"]) == ("ConfigMap", "UPPER")
    assert answer["details"]["causes"][0]["field"] == "metadata.name"
    assert answer["details"]["causes"][0]["reason"] == "FieldValueInvalid"


async def test_unknown_fields_are_warned_of_on_demand(http):
    body = encoded({**config_map(), "colour": "red"})
    strict = await http.request(
        "POST", CONFIG_MAPS, query={"fieldValidation": "Strict"}, body=body, headers=JSON
    )
    warned = await http.request(
        "POST", CONFIG_MAPS, query={"fieldValidation": "Warn"}, body=body, headers=JSON
    )

    assert strict.status == 400
    assert warned.status == 201
    assert warned.headers["warning"] == r'299 - "unknown field \"colour\""'


async def test_what_is_deprecated_is_said_of_what_is_written_and_not_of_its_status(http):
    service = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}], "externalIPs": ["192.0.2.1"]}}
    services = "/api/v1/namespaces/default/services"
    merge = {"Content-Type": "application/merge-patch+json"}
    answers = [
        await http.request("POST", services, body=encoded(service), headers=JSON),
        await http.request("PATCH", f"{services}/web", body=encoded({}), headers=merge),
        await http.request("PATCH", f"{services}/web/status", body=encoded({}), headers=merge),
    ]

    assert ["externalIPs is deprecated" in answer.headers.get("warning", "") for answer in answers] == [
        True,
        True,
        False,
    ]


async def test_binding_and_scale_have_their_own_paths(http, registry):
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    meta = {"name": "web", "namespace": "default"}
    await http.create(POD, {"metadata": meta, "spec": template["spec"]})
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    await http.create(DEPLOYMENT, {"metadata": meta, "spec": spec})
    root = "/apis/apps/v1/namespaces/default/deployments/web/scale"

    await http.update(POD, {"metadata": meta, "target": {"name": "node-1"}}, subresource="binding")
    scale = decoded(await http.request("GET", root))
    scaled = await http.update(DEPLOYMENT, {**scale, "spec": {"replicas": 4}}, subresource="scale")

    assert registry.get(POD, "default", "web")["spec"]["nodeName"] == "node-1"
    assert (scaled["kind"], scaled["spec"]) == ("Scale", {"replicas": 4})


@pytest.mark.parametrize("metadata", [[None], "web", {"name": ["web"]}, {"name": 7}])
async def test_a_binding_that_names_no_pod_properly_is_a_bad_request(http, metadata):
    body = encoded({"metadata": metadata, "target": {"name": "node-1"}})
    answer = await http.request("POST", "/api/v1/namespaces/default/bindings", body=body)

    assert answer.status == 400


async def test_delete_options_may_be_in_the_query(http):
    spec = {"containers": [{"name": "c", "image": "nginx"}], "nodeName": "n"}
    await http.create(POD, {"metadata": {"name": "web", "namespace": "default"}, "spec": spec})

    path = "/api/v1/namespaces/default/pods/web"
    response = await http.request("DELETE", path, query={"gracePeriodSeconds": "7"})

    assert decoded(response)["metadata"]["deletionGracePeriodSeconds"] == 7


async def test_a_collection_can_be_deleted_by_selector(http):
    for name in "ab":
        await http.create(CONFIG_MAP, config_map(name))

    await http.request("DELETE", CONFIG_MAPS, query={"fieldSelector": "metadata.name=a"})

    assert [obj["metadata"]["name"] for obj in (await http.list(CONFIG_MAP)).items] == ["b"]


async def test_a_watch_without_a_revision_begins_with_what_there_is(http):
    await http.create(CONFIG_MAP, config_map("a"))
    stream = http.stream("GET", CONFIG_MAPS, query={"watch": "1"})

    (event,) = await take_lines(stream, 1)
    await stream.aclose()

    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "a")


async def test_a_watch_list_ends_with_an_annotated_bookmark(http):
    await http.create(CONFIG_MAP, config_map("a"))
    query = {
        "watch": "1",
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
    }
    stream = http.stream("GET", CONFIG_MAPS, query=query)

    added, bookmark = await take_lines(stream, 2)
    await stream.aclose()

    assert (added["type"], bookmark["type"]) == ("ADDED", "BOOKMARK")
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_a_watch_shows_objects_entering_and_leaving_its_selection(http, registry):
    query = {"watch": "1", "labelSelector": "tier=x", "resourceVersion": str(registry.revision)}
    stream = http.stream("GET", CONFIG_MAPS, query=query)
    await http.create(CONFIG_MAP, config_map("a"))
    for tier in ("x", "y"):
        await http.patch(CONFIG_MAP, "default", "a", {"metadata": {"labels": {"tier": tier}}})

    events = await take_lines(stream, 2)
    await stream.aclose()

    assert [event["type"] for event in events] == ["ADDED", "DELETED"]


async def test_a_watch_ends_after_its_time(http):
    stream = http.stream("GET", CONFIG_MAPS, query={"watch": "1", "timeoutSeconds": "1"})

    assert [piece async for piece in stream] == []


async def test_a_watch_from_a_forgotten_revision_says_so(http, store):
    await http.create(CONFIG_MAP, config_map())
    store.compact(store.revision)
    stream = http.stream("GET", CONFIG_MAPS, query={"watch": "1", "resourceVersion": "1"})

    (event,) = await take_lines(stream, 1)

    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


async def test_a_client_that_goes_leaves_no_watch_behind(http, store):
    await http.create(CONFIG_MAP, config_map())
    stream = http.stream("GET", CONFIG_MAPS, query={"watch": "1"})
    await take_lines(stream, 1)
    shelf = store._state._shelf("configmaps/")
    followers_before = len(shelf.followers)
    await stream.aclose()

    async def followers():
        return len(shelf.followers)

    assert followers_before == 1
    await eventually(followers, lambda count: count == 0)


async def test_tables_carry_columns_and_metadata(http):
    await http.create(CONFIG_MAP, config_map("a", x="1"))
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}

    table = decoded(await http.request("GET", CONFIG_MAPS, headers=accept))
    bare = decoded(await http.request("GET", CONFIG_MAPS, headers=accept, query={"includeObject": "None"}))

    assert table["kind"] == "Table"
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert table["rows"][0]["cells"] == ["a", 1, "0s"]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    assert bare["rows"] == [{"cells": ["a", 1, "0s"]}]


async def test_a_watched_table_has_its_columns_once(http):
    for name in "ab":
        await http.create(CONFIG_MAP, config_map(name))
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    stream = http.stream("GET", CONFIG_MAPS, query={"watch": "1"}, headers=accept)

    first, second = await take_lines(stream, 2)
    await stream.aclose()

    assert len(first["object"]["columnDefinitions"]) == 3
    assert second["object"]["columnDefinitions"] == []
    assert second["object"]["rows"][0]["cells"][0] == "b"


async def test_only_the_owner_can_open_the_socket(served):
    assert stat.S_IMODE(served.stat().st_mode) == 0o600


async def test_the_socket_goes_with_the_server(registry, pods, socket_path):
    async with serve(registry, pods, socket_path):
        pass

    assert not socket_path.exists()


def test_a_dead_servers_socket_is_replaced(socket_path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(socket_path))

    open_listener(socket_path).close()


async def test_a_living_servers_socket_is_left_alone(served, registry, pods):
    with pytest.raises(SocketTakenError, match="another server listens"):
        async with serve(registry, pods, served):
            pass


def test_a_file_in_the_sockets_place_is_left_alone(socket_path):
    socket_path.write_text("precious")

    with pytest.raises(SocketTakenError, match="is no socket"):
        open_listener(socket_path)
    assert socket_path.read_text() == "precious"
