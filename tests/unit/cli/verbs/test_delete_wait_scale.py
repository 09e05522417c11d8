"""``delete``, ``wait`` and ``scale`` against the API."""

import asyncio

import pytest

from netemu.api.errors import NotFoundError
from netemu.api.kinds import CONFIG_MAP, DEPLOYMENT, POD
from netemu.cli.conditions import parse_awaited
from netemu.cli.resources import Query, Scope, UsageError, parse_selections
from netemu.cli.verbs.delete import DeleteOptions, delete, uid_of
from netemu.cli.verbs.scale import ScaleRequest, scale
from netemu.cli.verbs.wait import wait
from netemu.cli.verbs.watching import WaitTimeoutError, wait_gone
from netemu.errors import NetemuError
from netemu.testing import builders

DEFAULT = Scope(namespace="default")


def _config(name, labels=None):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default", "labels": labels or {}},
    }


@pytest.fixture
async def configs(client):
    for name in ("a", "b", "c"):
        await client.create(CONFIG_MAP, _config(name, {"name": name}))


async def _delete(session, words, scope=DEFAULT, **options):
    return await delete(session, parse_selections(words), scope, DeleteOptions(**options))


async def test_deleting_by_name_returns_when_the_object_is_gone(session, configs, capsys):
    assert await _delete(session, ["cm", "a", "b"])

    assert capsys.readouterr().out == (
        'configmap "a" deleted from default namespace\nconfigmap "b" deleted from default namespace\n'
    )
    assert [o["metadata"]["name"] for o in (await session.list(Query(kind=CONFIG_MAP))).items] == ["c"]


async def test_deleting_by_label_and_all(session, configs):
    assert await _delete(session, ["cm"], Scope(namespace="default", label_selector="name in (a,b)"))
    assert await _delete(session, ["cm"], everything=True)

    assert (await session.list(Query(kind=CONFIG_MAP))).items == []


async def test_deleting_a_kind_needs_a_word_about_which(session, configs):
    with pytest.raises(UsageError, match="no name was specified"):
        await _delete(session, ["cm"])


async def test_what_is_not_there_is_told_unless_that_is_fine(session, capsys):
    assert not await _delete(session, ["cm", "a"])
    assert await _delete(session, ["cm", "a"], ignore_not_found=True)

    assert 'configmaps "a" not found' in capsys.readouterr().err


async def test_waiting_for_a_deletion_ends_in_time(session, client):
    await client.create(
        CONFIG_MAP, {**_config("kept"), "metadata": {**_config("kept")["metadata"], "finalizers": ["x.y/z"]}}
    )

    with pytest.raises(WaitTimeoutError, match="configmaps/kept"):
        await _delete(session, ["cm", "kept"], timeout_s=0.05)


async def test_a_new_object_of_the_same_name_is_not_waited_for(session, client):
    await client.create(CONFIG_MAP, _config("a"))

    await wait_gone(session, [(Query(kind=CONFIG_MAP, namespace="default", name="a"), "an-earlier-uid")], 5)


@pytest.mark.parametrize(
    ("answer", "uid"),
    [
        ({"metadata": {"uid": "u"}}, "u"),
        ({"metadata": {}, "details": {"uid": "u"}}, "u"),
        ({"kind": "Status"}, ""),
    ],
)
def test_the_answer_to_a_deletion_says_what_was_deleted(answer, uid):
    assert uid_of(answer) == uid


async def test_waiting_ends_with_the_change(session, client, capsys):
    await client.create(POD, builders.pod("a"))
    what = parse_awaited("jsonpath={.metadata.labels.done}=yes")

    async with asyncio.TaskGroup() as group:
        group.create_task(wait(session, parse_selections(["pod/a"]), DEFAULT, what, 5, everything=False))
        await client.patch(POD, "default", "a", {"metadata": {"labels": {"done": "yes"}}})

    assert capsys.readouterr().out == "pod/a condition met\n"


async def test_waiting_for_creation(session, client):
    what = parse_awaited("create")

    async with asyncio.TaskGroup() as group:
        group.create_task(wait(session, parse_selections(["cm/new"]), DEFAULT, what, 5, everything=False))
        await client.create(CONFIG_MAP, _config("new"))


async def test_waiting_for_what_is_not_there_is_an_error(session):
    what = parse_awaited("condition=Ready")

    with pytest.raises(NotFoundError):
        await wait(session, parse_selections(["pod/a"]), DEFAULT, what, 5, everything=False)
    with pytest.raises(UsageError, match="no matching resources"):
        await wait(session, parse_selections(["pods"]), DEFAULT, what, 5, everything=True)


async def test_scaling_sets_the_replicas(session, client, capsys):
    await client.create(DEPLOYMENT, builders.deployment("web"))

    await scale(session, parse_selections(["deploy/web"]), DEFAULT, ScaleRequest(replicas=4))

    assert (await client.get(DEPLOYMENT, "default", "web"))["spec"]["replicas"] == 4
    assert capsys.readouterr().out == "deployment.apps/web scaled\n"


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        pytest.param(ScaleRequest(replicas=-1, everything=True), "must be greater", id="negative"),
        pytest.param(
            ScaleRequest(replicas=2, current_replicas=9, everything=True),
            "Expected replicas to be 9, was 1",
            id="not-as-many",
        ),
        pytest.param(ScaleRequest(replicas=2), "no name was specified", id="nothing-named"),
    ],
)
async def test_scaling_is_refused(session, client, request_, words):
    await client.create(DEPLOYMENT, builders.deployment("web", replicas=1))

    with pytest.raises(NetemuError, match=words):
        await scale(session, parse_selections(["deploy"]), DEFAULT, request_)


async def test_all_or_labels_say_what_is_scaled(session, client, capsys):
    await client.create(DEPLOYMENT, builders.deployment("web"))

    await scale(session, parse_selections(["deploy"]), DEFAULT, ScaleRequest(replicas=4, everything=True))
    none = Scope(namespace="default", label_selector="no=where")
    with pytest.raises(NetemuError, match="no objects passed to scale"):
        await scale(session, parse_selections(["deploy"]), none, ScaleRequest(replicas=4))

    assert capsys.readouterr().out == "deployment.apps/web scaled\n"


async def test_what_is_gone_already_is_not_waited_for(session, capsys):
    what = parse_awaited("delete")

    await wait(session, parse_selections(["pod/a"]), DEFAULT, what, 5, everything=False)
    await wait(session, parse_selections(["pods"]), DEFAULT, what, 5, everything=True)

    assert capsys.readouterr().out == ""


async def test_what_has_no_replicas_cannot_be_scaled(session):
    with pytest.raises(UsageError, match="cannot be scaled"):
        await scale(session, parse_selections(["pod/a"]), DEFAULT, ScaleRequest(replicas=4))
