"""Answers to clients that read no JSON."""

from __future__ import annotations

import msgspec
import pytest

from netemu.api.kinds import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION
from netemu.api.protobuf import decode_object, encode_object
from netemu.api.protobuf.wire import read_fields
from netemu.testing import builders

PROTOBUF = "application/vnd.kubernetes.protobuf"
TAKES_PROTOBUF = {"Accept": PROTOBUF}
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


def config_map(name="c", **data):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"},
        "data": data,
    }


async def test_an_object_goes_out_and_comes_in_as_protobuf(http):
    headers = {**TAKES_PROTOBUF, "Content-Type": PROTOBUF}
    made = await http.request("POST", CONFIG_MAPS, body=encode_object(config_map(a="1")), headers=headers)
    found = await http.request("GET", f"{CONFIG_MAPS}/c", headers=TAKES_PROTOBUF)

    assert (made.status, made.headers["content-type"]) == (201, PROTOBUF)
    assert decode_object(found.body)["data"] == {"a": "1"}


async def test_a_list_goes_out_as_protobuf(http, registry):
    for name in "ab":
        await registry.create(CONFIG_MAP, config_map(name))
    listing = decode_object((await http.request("GET", CONFIG_MAPS, headers=TAKES_PROTOBUF)).body)

    assert listing["kind"] == "ConfigMapList"
    assert [item["metadata"]["name"] for item in listing["items"]] == ["a", "b"]


async def test_a_deletion_is_told_as_protobuf(http, registry):
    await registry.create(CONFIG_MAP, config_map())
    answer = await http.request("DELETE", f"{CONFIG_MAPS}/c", headers=TAKES_PROTOBUF)

    assert decode_object(answer.body)["status"] == "Success"


async def test_a_watch_goes_out_in_frames(http, registry):
    await registry.create(CONFIG_MAP, config_map())
    path = f"{CONFIG_MAPS}?watch=1&timeoutSeconds=1"
    frame = b"".join([piece async for piece in http.stream("GET", path, headers=TAKES_PROTOBUF)])
    event = dict(read_fields(frame[4 : 4 + int.from_bytes(frame[:4], "big")]))
    (envelope,) = [value for _, value in read_fields(event[2])]

    assert event[1] == b"ADDED"
    assert decode_object(envelope)["metadata"]["name"] == "c"


async def test_yaml_goes_out_as_json_which_it_is(http, registry):
    await registry.create(CONFIG_MAP, config_map())
    answer = await http.request("GET", f"{CONFIG_MAPS}/c", headers={"Accept": "application/yaml"})

    assert answer.headers["content-type"] == "application/yaml"
    assert msgspec.json.decode(answer.body)["kind"] == "ConfigMap"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_users_own_kinds_have_no_protobuf(http, registry, method):
    schema = {"openAPIV3Schema": {"type": "object"}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    definition = builders.custom_resource_definition("Widget", version)
    await registry.create(CUSTOM_RESOURCE_DEFINITION, definition)
    path = "/apis/toys.example/v1/namespaces/default/widgets"
    answer = await http.request(method, path, body=b"{}", headers=TAKES_PROTOBUF)

    assert answer.status == 406


async def test_cbor_is_neither_given_nor_taken(http):
    cbor = "application/cbor"
    given = await http.request("GET", CONFIG_MAPS, headers={"Accept": cbor})
    taken = await http.request("POST", CONFIG_MAPS, body=b"\xa0", headers={"Content-Type": cbor})

    assert (given.status, taken.status) == (406, 415)
    assert msgspec.json.decode(given.body)["reason"] == "NotAcceptable"
    assert msgspec.json.decode(taken.body)["reason"] == "UnsupportedMediaType"
