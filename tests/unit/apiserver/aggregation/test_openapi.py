"""Schemas of other API servers in the cluster's documents."""

from __future__ import annotations

import msgspec
import pytest

from netemu.api.errors import UnavailableError
from netemu.api.kinds import API_SERVICE
from netemu.api.openapi import gnostic, v2
from netemu.api.served import BUILT_IN
from netemu.apiserver.aggregation.openapi import NOTHING, RemoteDocuments, part_of
from netemu.apiserver.aggregation.remotes import Remotes

ROOT = "/apis/wardle.example.com/v1"
FLUNDER = {
    "type": "object",
    "properties": {"spec": {"$ref": "#/definitions/wardle.Spec"}},
    "x-kubernetes-group-version-kind": [{"group": "wardle.example.com", "version": "v1", "kind": "Flunder"}],
}
SPEC = {
    "paths": {
        f"{ROOT}/flunders": {
            "parameters": [{"name": "pretty", "in": "query", "type": "string"}],
            "get": {"responses": {"200": {"schema": {"$ref": "#/definitions/wardle.Flunder"}}}},
        },
        f"{ROOT}/broken": {"get": {"responses": None}},
        "/apis/other.example.com/v1/things": {"get": {"responses": {}}},
        "/version": {"get": {"responses": {}}},
    },
    "definitions": {
        "wardle.Flunder": FLUNDER,
        "wardle.Spec": {"type": "object"},
        "unused.Thing": {"type": "object"},
    },
}
URL = "/openapi/v3/apis/wardle.example.com/v1?hash=AB"
INDEX = {
    "paths": {
        "apis/wardle.example.com/v1": {"serverRelativeURL": URL},
        "version": {"serverRelativeURL": "/x"},
    }
}


class Server:
    """Another API server, that counts what it is asked."""

    def __init__(self):
        self.documents = {"/openapi/v3": INDEX, "/openapi/v2": SPEC}
        self.asked = []
        self.error = None

    async def get(self, remote, path):
        self.asked.append(path)
        if self.error is not None:
            raise self.error
        return 200, msgspec.json.encode(self.documents[path])


class Clock:
    now_s = 0.0

    def __call__(self):
        return self.now_s


def service(status="True"):
    return {
        "metadata": {"name": "v1.wardle.example.com"},
        "spec": {
            "group": "wardle.example.com",
            "version": "v1",
            "service": {"namespace": "default", "name": "api"},
        },
        "status": {"conditions": [{"type": "Available", "status": status}]},
    }


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def documents(server):
    remotes = Remotes()
    remotes.note(API_SERVICE, service(), None)
    made = RemoteDocuments(remotes, server.get, clock := Clock())
    made.clock = clock
    return made


async def test_the_index_says_where_the_schemas_of_others_are(documents):
    assert await documents.paths() == {"apis/wardle.example.com/v1": {"serverRelativeURL": URL}}


async def test_the_whole_document_has_their_parts_and_what_these_refer_to(documents):
    part = await documents.part()
    made = msgspec.json.decode(v2.render_document(BUILT_IN, "v1", part[:2]))
    packed = gnostic.render_document(BUILT_IN, "v1", part[:2])

    assert list(part.paths) == [f"{ROOT}/flunders"]
    assert list(part.definitions) == ["wardle.Flunder", "wardle.Spec"]
    assert made["definitions"]["wardle.Flunder"] == FLUNDER
    assert made["paths"][f"{ROOT}/flunders"]["get"]["parameters"][0]["name"] == "pretty"
    assert "/api/v1/pods" in made["paths"]
    assert b"wardle.Flunder" in packed


async def test_others_are_asked_now_and_then(documents, server):
    await documents.paths()
    await documents.paths()
    documents.clock.now_s = 60
    await documents.paths()

    assert server.asked == ["/openapi/v3"] * 2


@pytest.mark.parametrize(
    "change",
    [
        {"error": UnavailableError("gone")},
        {"documents": {"/openapi/v3": [], "/openapi/v2": []}},
        {"documents": {"/openapi/v3": {"paths": []}, "/openapi/v2": {"paths": {}, "definitions": []}}},
    ],
)
async def test_who_has_no_documents_adds_nothing(documents, server, change):
    vars(server).update(change)

    assert await documents.paths() == {}
    assert await documents.part() == NOTHING


def test_who_is_not_available_is_not_asked_and_all_are_found_by_their_documents():
    remotes = Remotes()
    remotes.note(API_SERVICE, service("False"), None)

    assert remotes.find("/openapi/v3/apis/wardle.example.com/v1") == service("False")
    assert list(RemoteDocuments(remotes, Server().get)._available()) == []


def test_definitions_that_refer_to_themselves_are_followed_once():
    node = {"type": "object", "properties": {"next": {"$ref": "#/definitions/N"}}}
    item = {"get": {"responses": {"200": {"schema": {"$ref": "#/definitions/N"}}}}}

    part = part_of({"paths": {f"{ROOT}/ns": item}, "definitions": {"N": node}}, ROOT)

    assert part.definitions == {"N": node}


async def test_a_client_finds_them_in_the_index(registry, http):
    answer = await http.request("GET", "/openapi/v3", headers={"Accept": "application/json"})

    assert "apis/apps/v1" in msgspec.json.decode(answer.body)["paths"]
