"""One contract for both clients: in process and over the socket."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from netemu.api.client import Client
from netemu.api.errors import (
    AlreadyExistsError,
    ConflictError,
    ExpiredError,
    InvalidError,
    NotFoundError,
    UnavailableError,
)
from netemu.api.kinds import CONFIG_MAP, DEPLOYMENT, NAMESPACE, POD
from netemu.apiserver.client import LocalClient


def config_map(name="c", **data):
    return {"metadata": {"name": name, "namespace": "default"}, "data": data}


def pod(name="p"):
    spec = {"containers": [{"name": "c", "image": "nginx"}], "nodeName": "n"}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


async def take(events, count):
    """Take that many events and close the watch."""
    taken = []
    async with aclosing(events), asyncio.timeout(60):
        async for event in events:
            taken.append(event)
            if len(taken) == count:
                return taken
    return taken


class ClientContract:
    """The behaviour of ``netemu.api.client.Client``."""

    async def test_objects_are_created_read_replaced_patched_and_deleted(self, client: Client) -> None:
        created = await client.create(CONFIG_MAP, config_map(a="1"))
        updated = await client.update(CONFIG_MAP, {**created, "data": {"a": "2"}})
        patched = await client.patch(CONFIG_MAP, "default", "c", {"data": {"b": "3"}})
        read = await client.get(CONFIG_MAP, "default", "c")
        await client.delete(CONFIG_MAP, "default", "c")

        assert updated["data"] == {"a": "2"}
        assert patched == read
        assert read["data"] == {"a": "2", "b": "3"}
        with pytest.raises(NotFoundError):
            await client.get(CONFIG_MAP, "default", "c")

    async def test_cluster_scoped_kinds_have_no_namespace(self, client: Client) -> None:
        await client.create(NAMESPACE, {"metadata": {"name": "other"}})

        assert (await client.get(NAMESPACE, "", "other"))["status"]["phase"] == "Active"

    async def test_lists_are_by_namespace_and_selectors(self, client: Client) -> None:
        for name in "ab":
            await client.create(CONFIG_MAP, config_map(name))

        everywhere = await client.list(CONFIG_MAP)
        selected = await client.list(CONFIG_MAP, "default", field_selector="metadata.name=b")

        assert [obj["metadata"]["name"] for obj in everywhere.items] == ["a", "b"]
        assert [obj["metadata"]["name"] for obj in selected.items] == ["b"]
        assert everywhere.revision == int(everywhere.items[-1]["metadata"]["resourceVersion"])

    async def test_a_watch_follows_from_a_list(self, client: Client) -> None:
        await client.create(CONFIG_MAP, config_map("a"))
        listing = await client.list(CONFIG_MAP)
        await client.create(CONFIG_MAP, config_map("b"))
        await client.patch(CONFIG_MAP, "default", "a", {"data": {"x": "1"}})
        await client.delete(CONFIG_MAP, "default", "b")

        events = await take(client.watch(CONFIG_MAP, revision=listing.revision), 3)

        assert [(event.type, event.object["metadata"]["name"]) for event in events] == [
            ("ADDED", "b"),
            ("MODIFIED", "a"),
            ("DELETED", "b"),
        ]
        revisions = [int(event.object["metadata"]["resourceVersion"]) for event in events]
        assert revisions == sorted(revisions)
        assert revisions[0] > listing.revision

    async def test_a_watch_of_a_namespace_hears_nothing_else(self, client: Client) -> None:
        await client.create(NAMESPACE, {"metadata": {"name": "other"}})
        events = client.watch(CONFIG_MAP, "default", revision=(await client.list(CONFIG_MAP)).revision)
        await client.create(CONFIG_MAP, {"metadata": {"name": "x", "namespace": "other"}})
        await client.create(CONFIG_MAP, config_map("y"))

        (event,) = await take(events, 1)

        assert event.object["metadata"]["name"] == "y"

    async def test_a_watch_from_a_forgotten_revision_has_expired(self, client: Client, store) -> None:
        await client.create(CONFIG_MAP, config_map())
        store.compact(store.revision)

        with pytest.raises(ExpiredError):
            await take(client.watch(CONFIG_MAP, revision=1), 1)

    async def test_refusals_are_the_same_errors(self, client: Client) -> None:
        first = await client.create(CONFIG_MAP, config_map())
        await client.update(CONFIG_MAP, {**first, "data": {"a": "1"}})

        with pytest.raises(AlreadyExistsError, match='configmaps "c" already exists') as exists:
            await client.create(CONFIG_MAP, config_map())
        with pytest.raises(ConflictError, match="the object has been modified"):
            await client.update(CONFIG_MAP, {**first, "data": {"a": "2"}})
        with pytest.raises(ConflictError, match="Precondition failed"):
            await client.delete(CONFIG_MAP, "default", "c", uid="other")
        with pytest.raises(InvalidError) as invalid:
            await client.create(CONFIG_MAP, config_map("UPPER"))
        assert (exists.value.kind, exists.value.name) == ("configmaps", "c")
        assert invalid.value.causes[0].field == "metadata.name"

    async def test_a_running_pod_gets_its_grace(self, client: Client) -> None:
        await client.create(POD, pod())
        marked = await client.delete(POD, "default", "p", grace_period_s=7)
        gone = await client.delete(POD, "default", "p", grace_period_s=0)

        assert marked["metadata"]["deletionGracePeriodSeconds"] == 7
        assert gone["metadata"]["name"] == "p"

    async def test_subresources_are_written_apart(self, client: Client) -> None:
        labels = {"app": "web"}
        spec = {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "c", "image": "x"}]},
            },
        }
        made = await client.create(
            DEPLOYMENT, {"metadata": {"name": "web", "namespace": "default"}, "spec": spec}
        )
        await client.update(DEPLOYMENT, {**made, "status": {"replicas": 1}}, subresource="status")
        await client.patch(DEPLOYMENT, "default", "web", {"spec": {"replicas": 4}}, subresource="scale")

        read = await client.get(DEPLOYMENT, "default", "web")
        assert (read["status"]["replicas"], read["spec"]["replicas"]) == (1, 4)


class TestLocalClient(ClientContract):
    @pytest.fixture
    def client(self, registry) -> Client:
        return LocalClient(registry)

    async def test_a_watch_ends_when_the_store_is_closed(self, client: Client, store) -> None:
        revision = (await client.list(CONFIG_MAP)).revision
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(outcome(take(client.watch(CONFIG_MAP, revision=revision), 1)))
            await asyncio.sleep(0)  # the watch begins
            store.close()
        assert waiting.result() is UnavailableError


async def outcome(work):
    """Give the class of the error that some work ends with."""
    try:
        await work
    except Exception as err:
        return type(err)


class TestHttpClient(ClientContract):
    @pytest.fixture
    def client(self, http) -> Client:
        return http
