"""Watches over HTTP: where they begin, what they show, and when they end."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netemu.api.kinds import CONFIG_MAP
from netemu.apiserver.watch import EventLines

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
WATCH_LIST = {
    "watch": "1",
    "sendInitialEvents": "true",
    "resourceVersionMatch": "NotOlderThan",
    "allowWatchBookmarks": "true",
    "timeoutSeconds": "1",
}


def config_map(name="c", size=1, **labels):
    meta = {"name": name, "namespace": "default", "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"k": "x" * size}}


async def events(http, query, *, count=None, accept="application/json"):
    """Read a watch to its end, or until so many events came."""
    found, rest = [], b""
    stream = http.stream("GET", CONFIG_MAPS, query={"watch": "1", **query}, headers={"Accept": accept})
    async for piece in stream:
        *lines, rest = (rest + piece).split(b"\n")
        found += [msgspec.json.decode(line) for line in lines]
        if count is not None and len(found) >= count:
            break
    await stream.aclose()
    return found


def seen(found):
    return [(event["type"], event["object"]["metadata"].get("name")) for event in found]


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(st.sampled_from("abcdefgh"), max_size=8))
async def test_a_watch_list_is_the_list_and_then_a_bookmark(registry, http, names):
    for obj in registry.list(CONFIG_MAP).items:
        await registry.delete(CONFIG_MAP, "default", obj["metadata"]["name"])
    for name in names:
        await registry.create(CONFIG_MAP, config_map(name))

    *added, bookmark = await events(http, WATCH_LIST, count=len(names) + 1)

    listing = registry.list(CONFIG_MAP)
    assert [event["object"] for event in added] == listing.items
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert bookmark["object"]["metadata"]["resourceVersion"] == str(listing.revision)


async def test_without_initial_events_only_changes_come(http, registry):
    await registry.create(CONFIG_MAP, config_map("a"))
    query = {**WATCH_LIST, "sendInitialEvents": "false"}

    assert await events(http, {**query, "allowWatchBookmarks": "false"}) == []


@pytest.mark.parametrize("revision", ["", "0"], ids=["unset", "any"])
async def test_a_watch_of_no_revision_begins_with_what_there_is(http, registry, revision):
    await registry.create(CONFIG_MAP, config_map("a"))
    found = await events(http, {"resourceVersion": revision}, count=1)

    assert seen(found) == [("ADDED", "a")]


async def test_a_watch_says_where_to_go_on_before_it_ends(http, registry):
    await registry.create(CONFIG_MAP, config_map("a"))
    query = {"resourceVersion": str(registry.revision), "allowWatchBookmarks": "true", "timeoutSeconds": "3"}
    found = await events(http, query, count=1)

    assert [event["type"] for event in found] == ["BOOKMARK"]
    assert found[0]["object"]["metadata"]["resourceVersion"] == str(registry.revision)


async def test_a_revision_that_is_forgotten_is_told_in_the_stream(http, registry, store):
    await registry.create(CONFIG_MAP, config_map("a"))
    store.compact(store.revision)
    (event,) = await events(http, {"resourceVersion": "1"})

    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")


async def test_a_future_revision_shows_nothing_until_it_comes(http, registry):
    await registry.create(CONFIG_MAP, config_map("a"))
    query = {"resourceVersion": str(registry.revision + 100), "timeoutSeconds": "1"}

    assert await events(http, query) == []


async def test_metadata_alone_can_be_watched(http, registry):
    await registry.create(CONFIG_MAP, config_map("a"))
    added, bookmark = await events(http, WATCH_LIST, count=2, accept=METADATA)

    assert added["object"]["kind"] == "PartialObjectMetadata"
    assert "data" not in added["object"]
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_a_table_names_its_columns_once(http, registry):
    for name in "ab":
        await registry.create(CONFIG_MAP, config_map(name))
    first, second = await events(http, {}, count=2, accept=TABLE)

    assert first["object"]["columnDefinitions"]
    assert second["object"]["columnDefinitions"] == []


async def test_large_objects_arrive_whole(http, registry):
    for name in "abc":
        await registry.create(CONFIG_MAP, config_map(name, size=100_000))
    found = await events(http, {}, count=3)

    assert [event["object"] for event in found] == registry.list(CONFIG_MAP).items


def test_only_a_crowd_has_to_rest():
    lines = EventLines()
    alone_s = lines.rest_s(CONFIG_MAP)
    with lines.watching(CONFIG_MAP, count=1_000):
        crowded_s = lines.rest_s(CONFIG_MAP)

    assert (alone_s, crowded_s, lines.rest_s(CONFIG_MAP)) == (0.0, 0.2, 0.0)
