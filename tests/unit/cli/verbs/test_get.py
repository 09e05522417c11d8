"""``get`` and ``describe`` against the API."""

import asyncio

import pytest

from netemu.api.errors import NotFoundError
from netemu.api.kinds import NAMESPACE, POD, SERVICE
from netemu.cli.resources import Scope, Selection, UsageError, parse_selections
from netemu.cli.tables import TableOptions
from netemu.cli.verbs.describe import describe
from netemu.cli.verbs.get import GetRequest, get, show_raw
from netemu.testing import builders
from netemu.testing.eventually import eventually

DEFAULT = Scope(namespace="default")


@pytest.fixture
async def pods(client):
    for name in ("a", "b"):
        await client.create(POD, builders.pod(name, labels={"name": name}))


def _request(*words, scope=DEFAULT, **more):
    return GetRequest(selections=parse_selections(words), scope=scope, **more)


async def test_a_table_has_a_row_for_each_object(session, pods, capsys):
    await get(session, _request("pods"))

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["NAME", "a", "b"]


async def test_names_are_asked_for_one_by_one(session, pods, capsys):
    await get(session, _request("pods", "b", "a"))

    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["NAME", "b", "a"]


async def test_several_kinds_are_told_apart(session, pods, capsys):
    await get(session, _request("pods,ns"))

    printed = capsys.readouterr().out
    assert "\npod/a " in printed
    assert "\n\nNAME" in printed
    assert "\nnamespace/default " in printed


async def test_all_namespaces_are_a_column_where_there_are_any(session, pods, capsys):
    await get(session, _request("pods,ns", scope=Scope(namespace=""), table=TableOptions(namespace=True)))

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("NAMESPACE   NAME")
    assert lines[1].startswith("default     pod/a")
    assert lines[4].startswith("NAME ")


async def test_selectors_choose(session, pods, capsys):
    await get(
        session, _request("pods", scope=Scope(namespace="default", label_selector="name=b"), output="name")
    )
    await get(
        session,
        _request("pods", scope=Scope(namespace="default", field_selector="metadata.name=a"), output="name"),
    )

    assert capsys.readouterr().out == "pod/b\npod/a\n"


@pytest.mark.parametrize(
    ("scope", "words"),
    [(DEFAULT, "No resources found in default namespace."), (Scope(namespace=""), "No resources found")],
)
async def test_nothing_is_told_on_standard_error(session, capsys, scope, words):
    await get(session, _request("services", scope=scope))

    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", words + "\n")


async def test_a_missing_object_can_be_no_error(session, capsys):
    await get(session, _request("pod/none", ignore_not_found=True))
    await get(session, _request("pod/none", ignore_not_found=True, output="yaml"))

    assert capsys.readouterr() == ("", "")


async def test_what_is_there_comes_before_what_is_not(session, pods, capsys):
    for output in ("", "name"):
        assert not await get(session, _request("pods", "x", "a", "y", output=output))

        printed = capsys.readouterr()
        assert [line.split()[0] for line in printed.out.splitlines()][-1].endswith("a")
        assert printed.err.splitlines() == [
            f'Error from server (NotFound): pods "{name}" not found' for name in "xy"
        ]


@pytest.mark.parametrize("shown", [False, True])
async def test_who_set_which_field_is_printed_when_asked_for(session, capsys, shown):
    await session.create(POD, builders.pod("a"))

    await get(session, _request("pods", output="yaml", show_managed_fields=shown))

    assert ("managedFields" in capsys.readouterr().out) is shown


async def test_a_watch_prints_each_change_as_it_comes(session, client, pods, capsys):
    printed = []

    async def seen():
        printed.append(capsys.readouterr().out)
        return "".join(printed)

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(get(session, _request("pods", watch=True)))
        await eventually(seen, lambda text: "b " in text)
        await client.create(POD, builders.pod("later"))
        text = await eventually(seen, lambda text: "later " in text)
        watching.cancel()

    assert text.count("NAME") == 1


async def test_a_watch_prints_objects(session, client, pods, capsys):
    printed = []

    async def seen():
        printed.append(capsys.readouterr().out)
        return "".join(printed)

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(get(session, _request("pods", watch=True, output="name")))
        await eventually(seen, lambda text: "pod/b" in text)
        await client.create(POD, builders.pod("later"))
        await eventually(seen, lambda text: text == "pod/a\npod/b\npod/later\n")
        watching.cancel()


async def test_only_one_kind_can_be_watched(session):
    with pytest.raises(UsageError, match="single resource type"):
        await get(session, _request("pods,svc", watch=True))


async def test_descriptions_carry_events_of_their_object(session, client, pods, capsys):
    await describe(
        session, (Selection(kind=POD, names=("a",)), Selection(kind=NAMESPACE, names=("default",))), DEFAULT
    )

    printed = capsys.readouterr().out
    assert printed.startswith("Name:             a\n")
    assert "Events:" in printed
    assert "\n\nName:         default\n" in printed


async def test_the_beginning_of_a_name_will_do_for_a_description(session, client, capsys):
    for name in ("web-1", "web-2", "other"):
        await client.create(POD, builders.pod(name))

    await describe(session, (Selection(kind=POD, names=("web",)),), DEFAULT)

    names = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Name:")]
    assert [line.split()[1] for line in names] == ["web-1", "web-2"]
    with pytest.raises(NotFoundError):
        await describe(session, (Selection(kind=POD, names=("none",)),), DEFAULT)


async def test_nothing_to_describe_is_told(session, capsys):
    await describe(session, (Selection(kind=SERVICE),), DEFAULT)

    assert "No resources found in default namespace." in capsys.readouterr().err


@pytest.mark.parametrize(("path", "order"), [(".metadata.name", "ab"), (".metadata.labels.rank", "ba")])
@pytest.mark.parametrize("output", ["", "name"])
async def test_rows_and_objects_can_be_sorted(session, client, capsys, path, order, output):
    for name, rank in (("a", "2"), ("b", "1")):
        await client.create(POD, builders.pod(name, labels={"rank": rank}))

    await get(session, _request("pods", sort_by=path, output=output, table=TableOptions(headings=False)))

    assert [line.split()[0][-1] for line in capsys.readouterr().out.splitlines()] == list(order)


async def test_columns_can_be_ones_own(session, pods, capsys):
    await get(session, _request("pods", output="custom-columns=N:.metadata.name,C:.spec.containers[*].name"))

    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["N", "C"],
        ["a", "c"],
        ["b", "c"],
    ]


async def test_any_path_can_be_read(session, capsys):
    await show_raw(session, "/livez")

    assert capsys.readouterr().out == "ok"
    with pytest.raises(NotFoundError):
        await show_raw(session, "/apis/none")
    with pytest.raises(UsageError, match="--raw must be a valid URL path"):
        await show_raw(session, "livez")
