"""Custom kinds whose versions a webhook converts: over HTTP, as clients see them."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from netemu.api.kinds import CUSTOM_RESOURCE_DEFINITION

V1, V2 = "/apis/example.com/v1/namespaces/default/toys", "/apis/example.com/v2/namespaces/default/toys"
SCHEMA = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}


def definition(stored="v1"):
    client = {"service": {"namespace": "default", "name": "convert", "path": "/convert"}}
    versions = [{"name": v, "served": True, "storage": v == stored, "schema": SCHEMA} for v in ("v1", "v2")]
    webhook = {"clientConfig": client, "conversionReviewVersions": ["v1"]}
    return {
        "metadata": {"name": "toys.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": "Toy", "listKind": "ToyList", "plural": "toys", "singular": "toy"},
            "versions": versions,
            "conversion": {"strategy": "Webhook", "webhook": webhook},
        },
    }


class Webhook:
    """Splits ``hostPort`` of v1 into ``host`` and ``port`` of v2, and joins them again."""

    def __init__(self):
        self.asked = 0
        self.says = "Success"

    async def __call__(self, target, body, timeout_s):
        self.asked += 1
        request = msgspec.json.decode(body)["request"]
        made = [self.convert(obj, request["desiredAPIVersion"]) for obj in request["objects"]]
        result = {"status": self.says, "message": "cannot"}
        response = {"uid": request["uid"], "result": result, "convertedObjects": made}
        return msgspec.json.encode({"kind": "ConversionReview", "response": response})

    def convert(self, obj, wanted):
        rest = {key: value for key, value in obj.items() if key not in ("host", "port", "hostPort")}
        if wanted.endswith("v2"):
            host, _, port = obj["hostPort"].partition(":")
            return {**rest, "apiVersion": wanted, "host": host, "port": port}
        return {**rest, "apiVersion": wanted, "hostPort": f"{obj['host']}:{obj['port']}"}


@pytest.fixture
async def webhook(registry):
    made = registry.converter.call = Webhook()
    await registry.create(CUSTOM_RESOURCE_DEFINITION, definition())
    return made


async def send(http, method, path, body=None, content_type="application/json"):
    data = msgspec.json.encode(body) if body is not None else b""
    answer = await http.request(method, path, body=data, headers={"Content-Type": content_type})
    return answer.status, msgspec.json.decode(answer.body)


def toy(name="x", version="v1", **fields):
    return {"apiVersion": f"example.com/{version}", "kind": "Toy", "metadata": {"name": name}, **fields}


def told(obj):
    return {key: obj.get(key) for key in ("apiVersion", "hostPort", "host", "port") if key in obj}


async def test_an_object_is_seen_in_every_version(http, webhook):
    _, made = await send(http, "POST", V1, toy(hostPort="h:1"))
    _, seen = await send(http, "GET", f"{V2}/x")
    _, other = await send(http, "POST", V2, toy("y", "v2", host="g", port="2"))
    _, back = await send(http, "GET", f"{V1}/y")

    assert told(seen) == {"apiVersion": "example.com/v2", "host": "h", "port": "1"}
    assert seen["metadata"]["uid"] == made["metadata"]["uid"]
    assert (told(other)["host"], told(back)["hostPort"]) == ("g", "g:2")


async def test_a_list_of_what_was_stored_in_several_versions_is_of_one(http, webhook, registry):
    await send(http, "POST", V1, toy("a", hostPort="h:1"))
    live = registry.get(CUSTOM_RESOURCE_DEFINITION, "", "toys.example.com")
    await registry.update(CUSTOM_RESOURCE_DEFINITION, {**live, "spec": definition("v2")["spec"]})
    await send(http, "POST", V2, toy("b", "v2", host="g", port="2"))

    _, old = await send(http, "GET", V1)
    _, new = await send(http, "GET", V2)

    assert [told(obj)["hostPort"] for obj in old["items"]] == ["h:1", "g:2"]
    assert [told(obj)["host"] for obj in new["items"]] == ["h", "g"]


async def test_a_patch_is_one_of_the_version_that_its_client_sees(http, webhook):
    await send(http, "POST", V1, toy(hostPort="h:1"))
    merge = "application/merge-patch+json"
    _, changed = await send(http, "PATCH", f"{V2}/x", {"port": "9"}, merge)
    _, seen = await send(http, "GET", f"{V1}/x")

    assert (told(changed)["port"], told(seen)["hostPort"]) == ("9", "h:9")


async def test_a_watch_shows_the_version_that_is_watched(http, webhook):
    await send(http, "POST", V1, toy(hostPort="h:1"))
    _, listed = await send(http, "GET", V1)
    await send(http, "POST", V1, toy("later", hostPort="g:2"))
    revision = listed["metadata"]["resourceVersion"]
    path = f"{V2}?watch=1&resourceVersion={revision}&timeoutSeconds=1"
    answer = await asyncio.wait_for(http.request("GET", path), 30)
    event = msgspec.json.decode(answer.body.split(b"\n")[0])

    assert (event["type"], told(event["object"])["host"]) == ("ADDED", "g")


async def test_what_was_converted_is_not_asked_for_again(http, webhook):
    await send(http, "POST", V1, toy(hostPort="h:1"))
    for _ in range(3):
        await send(http, "GET", V2)

    assert webhook.asked == 1


async def test_a_webhook_that_cannot_says_so(http, webhook):
    await send(http, "POST", V1, toy(hostPort="h:1"))
    webhook.says = "Failed"
    status, body = await send(http, "GET", f"{V2}/x")

    assert status == 500
    assert body["message"] == "conversion webhook for example.com/v1, Kind=Toy failed: cannot"
