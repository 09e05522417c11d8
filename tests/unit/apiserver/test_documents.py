"""Documents over HTTP: forms, tags, compression."""

from __future__ import annotations

import gzip

import msgspec
import pytest

from netemu.api.openapi import gnostic

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"
PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"


async def get(http, path, *, query=None, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await http.request("GET", path, query=query, headers=named)


def decoded(response):
    return msgspec.json.decode(response.body)


@pytest.mark.parametrize("version", ["v2", "v2beta1"])
@pytest.mark.parametrize("path", ["/api", "/apis"])
async def test_who_asks_for_everything_at_once_gets_it(http, path, version):
    accept = f"{AGGREGATED.format(version)},{AGGREGATED.format('v2beta1')},application/json"

    answer = await get(http, path, Accept=accept)

    assert answer.headers["content-type"] == AGGREGATED.format(version)
    assert decoded(answer)["kind"] == "APIGroupDiscoveryList"


async def test_who_does_not_gets_the_old_document(http):
    answer = await get(http, "/apis", Accept="application/json, */*")

    assert decoded(answer)["kind"] == "APIGroupList"


@pytest.mark.parametrize(
    "path", ["/apis", "/openapi/v2", "/openapi/v3", "/openapi/v3/apis/apps/v1", "/version"]
)
async def test_who_has_a_document_need_not_get_it_again(http, path):
    first = await get(http, path)

    again = await get(http, path, If_None_Match=first.headers["etag"])

    assert (again.status, again.body) == (304, b"")


async def test_a_new_kind_changes_the_tags(http, registry):
    before = [(await get(http, path)).headers["etag"] for path in ("/apis", "/openapi/v2", "/openapi/v3")]

    await http.request("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body=WIDGETS)
    after = [(await get(http, path)).headers["etag"] for path in ("/apis", "/openapi/v2", "/openapi/v3")]

    assert all(old != new for old, new in zip(before, after, strict=True))


async def test_documents_of_openapi_3_may_be_kept_for_good_under_their_hash(http):
    url = decoded(await get(http, "/openapi/v3"))["paths"]["apis/apps/v1"]["serverRelativeURL"]
    path, _, digest = url.partition("?hash=")

    kept = await get(http, path, query={"hash": digest})
    moved = await get(http, path, query={"hash": "OLD"})
    asked = await get(http, path)

    assert "immutable" in kept.headers["cache-control"]
    assert (moved.status, moved.headers["location"]) == (301, url)
    assert asked.headers["cache-control"] == "no-cache, private"


async def test_every_document_in_the_index_is_served(http):
    index = decoded(await get(http, "/openapi/v3"))["paths"]

    answers = [await get(http, f"/openapi/v3/{path}") for path in index]

    assert {"api/v1", "apis/apps/v1", "apis/authorization.k8s.io/v1"} <= index.keys()
    assert [answer.status for answer in answers] == [200] * len(index)


async def test_kubectl_gets_openapi_2_in_protobuf_under_a_type_that_go_reads(http):
    answer = await get(http, "/openapi/v2", Accept=PROTOBUF)

    assert answer.headers["content-type"] == gnostic.CONTENT_TYPE
    assert answer.body.startswith(b"\x0a\x032.0")


async def test_what_old_kubectls_ask_for_is_the_same_until_the_kinds_change(http):
    wishes = {"Accept": PROTOBUF, "Accept_Encoding": "gzip"}

    first, second = [await get(http, "/openapi/v2", **wishes) for _ in range(2)]
    plain = await get(http, "/openapi/v2", Accept=PROTOBUF)
    await http.request("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body=WIDGETS)
    third = await get(http, "/openapi/v2", **wishes)

    assert first.body == second.body
    assert gzip.decompress(first.body) == plain.body
    assert b"com.example.v1.Widget" in gzip.decompress(third.body)


async def test_long_documents_are_compressed_for_who_can_read_that(http):
    answer = await get(http, "/openapi/v2", Accept_Encoding="gzip")

    assert answer.headers["content-encoding"] == "gzip"
    assert msgspec.json.decode(gzip.decompress(answer.body))["swagger"] == "2.0"


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/openapi", "*/*", 404),
        ("/openapi/v3/apis/none/v1", "*/*", 404),
        ("/openapi/v3/api/v2", "*/*", 404),
        ("/openapi/v2", "text/html", 406),
        ("/openapi/v3/api/v1", PROTOBUF.replace("v2", "v3"), 406),
        ("/apis/none", "*/*", 404),
        ("/livez/none", "*/*", 404),
        ("/readyz/cluster", "*/*", 200),
        ("/", "*/*", 200),
    ],
)
async def test_other_documents_are_refused(http, path, accept, status):
    assert (await get(http, path, Accept=accept)).status == status


@pytest.mark.parametrize("path", ["/version", "/openapi/v2", "/readyz"])
async def test_documents_cannot_be_written(http, path):
    assert (await http.request("POST", path, body=b"{}")).status == 405


WIDGETS = msgspec.json.encode(
    {
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                }
            ],
        },
    }
)
