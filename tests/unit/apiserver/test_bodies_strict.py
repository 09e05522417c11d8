"""Fields that come twice or that nobody knows, and bodies in other forms than JSON, over HTTP."""

from __future__ import annotations

import msgspec
import pytest

from netemu.api.kinds import CONFIG_MAP, NAMESPACE

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
REPETITIVE = b'{"metadata":{"name":"c","name":"c"},"data":{"a":"1","a":"2"},"colour":1}'
JSON = "application/json"
PROTOBUF = "application/vnd.kubernetes.protobuf"


async def post(http, body, mode, content_type=JSON):
    headers = {"Content-Type": content_type}
    return await http.request(
        "POST", CONFIG_MAPS, query={"fieldValidation": mode}, body=body, headers=headers
    )


async def test_strict_names_unknown_and_duplicate_fields(http):
    answer = await post(http, REPETITIVE, "Strict")

    assert msgspec.json.decode(answer.body)["message"] == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
        'unknown field "colour", duplicate field "metadata.name", duplicate field "data.a"'
    )


@pytest.mark.parametrize(
    ("mode", "last_warning"),
    [("Warn", '299 - "duplicate field \\"data.a\\""'), ("Ignore", "none")],
)
async def test_other_modes_keep_the_last_value(http, mode, last_warning):
    answer = await post(http, REPETITIVE, mode)

    stored = msgspec.json.decode(answer.body)
    assert answer.headers.get("warning", "none").endswith(last_warning)
    assert (answer.status, stored["data"], "colour" in stored) == (201, {"a": "2"}, False)


@pytest.mark.parametrize(
    ("patch_type", "body", "said"),
    [
        pytest.param(
            "merge-patch+json",
            b'{"data":{"a":"1","a":"2"}}',
            '\\"data\\":{\\"a\\":\\"2\\"}}": strict decoding error: duplicate field "data.a"',
            id="merge",
        ),
        pytest.param(
            "strategic-merge-patch+json",
            b'{"data":{"a":"1"},"colour":[1,true,null]}',
            'Invalid value: "map[colour:[1 true <nil>] data:map[a:1]]": strict decoding error: '
            'unknown field "colour"',
            id="strategic",
        ),
        pytest.param(
            "json-patch+json",
            b'[{"op":"add","op":"add","path":"/colour","value":1}]',
            'strict decoding error: json patch duplicate field "[0].op", unknown field "colour"',
            id="json",
        ),
    ],
)
async def test_a_patch_that_is_not_strict_is_invalid(http, patch_type, body, said):
    await http.create(CONFIG_MAP, {"metadata": {"name": "c", "namespace": "default"}})

    answer = await http.request(
        "PATCH",
        f"{CONFIG_MAPS}/c",
        query={"fieldValidation": "Strict"},
        body=body,
        headers={"Content-Type": f"application/{patch_type}"},
    )

    status = msgspec.json.decode(answer.body)
    assert (answer.status, status["details"]["causes"][0]["field"]) == (422, "patch")
    assert status["message"].startswith(' "" is invalid: patch: Invalid value: ')
    assert status["message"].endswith(said)


async def test_repeated_keys_of_yaml_are_named_with_their_line(http):
    body = b"metadata:\n  name: c\ndata:\n  a: '1'\n  a: '2'\n"

    answer = await post(http, body, "Strict", "application/yaml")

    assert 'line 5: key "a" already set in map' in msgspec.json.decode(answer.body)["message"]


async def test_an_object_can_come_in_protobuf(http):
    body = bytes.fromhex(
        "6b3873000a0f0a02763112094e616d657370616365121c0a140a0464656d6f12001a0022002a003200"
        "3800420012001a020a001a002200"
    )

    answer = await http.request("POST", "/api/v1/namespaces", body=body, headers={"Content-Type": PROTOBUF})

    assert answer.status == 201
    assert (await http.get(NAMESPACE, "", "demo"))["metadata"]["name"] == "demo"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        pytest.param(b"nonsense", PROTOBUF, 400, id="no-envelope"),
        pytest.param(b"k8s\0\xff", PROTOBUF, 400, id="damaged"),
        pytest.param(b"<xml/>", "text/xml", 415, id="xml"),
    ],
)
async def test_what_cannot_be_read_is_refused(http, body, content_type, status):
    assert (await post(http, body, "Warn", content_type)).status == status
