"""What the API says of itself, of who asks, and of what happened."""

import asyncio

import pytest

from netemu import __version__
from netemu.api.kinds import EVENT, NAMESPACE, SERVICE
from netemu.cli.resourcelist import Wanted
from netemu.cli.resources import UsageError, parse_selections
from netemu.cli.verbs import server
from netemu.cli.verbs.events import EventsRequest, show_events
from netemu.testing import builders
from netemu.testing.eventually import eventually


def event(name, reason, at, *, about="web", type_="Normal"):
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": "default"},
        "involvedObject": {"kind": "Pod", "name": about, "namespace": "default"},
        "reason": reason,
        "message": f"{reason} it",
        "type": type_,
        "count": 1,
        "firstTimestamp": at,
        "lastTimestamp": at,
    }


@pytest.fixture
async def events(client):
    await client.create(EVENT, event("late", "Started", "2026-01-01T00:00:02Z"))
    await client.create(EVENT, event("early", "Pulled", "2026-01-01T00:00:01Z"))
    await client.create(EVENT, event("bad", "Failed", "2026-01-01T00:00:03Z", about="db", type_="Warning"))


async def test_both_versions_are_told(session, capsys):
    await server.show_version(session, "")
    await server.show_version(session, "json")

    printed = capsys.readouterr().out
    assert printed.startswith(f"Client Version: netemu {__version__}\nServer Version: v1.37.")
    assert '"serverVersion"' in printed


async def test_the_clusters_own_services_are_told(session, client, tmp_path, capsys):
    port = tmp_path / "api-port"
    port.write_text("6443\n")
    await server.show_cluster(session, port)

    assert capsys.readouterr().out == "Kubernetes control plane is running at https://127.0.0.1:6443\n"


async def test_a_cluster_service_has_a_path_through_the_api(session, client, tmp_path, capsys):
    port = tmp_path / "api-port"
    port.write_text("6443")
    labels = {"kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"}
    dns = builders.service("kube-dns", namespace="kube-system")
    dns["metadata"]["labels"] = labels
    dns["spec"]["ports"] = [{"name": "dns", "port": 53}]
    await client.create(NAMESPACE, builders.namespace("kube-system"))
    await client.create(SERVICE, dns)
    await server.show_cluster(session, port)

    assert capsys.readouterr().out.splitlines()[1] == (
        "CoreDNS is running at"
        " https://127.0.0.1:6443/api/v1/namespaces/kube-system/services/kube-dns:dns/proxy"
    )


@pytest.mark.parametrize(
    ("output", "line"),
    [("", "pods "), ("name", "deployments.apps\n"), ("wide", "create,delete,")],
)
async def test_resources_are_listed(session, capsys, output, line):
    await server.show_resources(session, Wanted(), output, headings=True)

    assert line in capsys.readouterr().out


async def test_versions_are_listed(session, capsys):
    await server.show_versions(session)

    assert "apps/v1\n" in capsys.readouterr().out


async def test_resources_have_two_formats(session):
    with pytest.raises(UsageError, match="--output json is not available"):
        await server.show_resources(session, Wanted(), "json", headings=True)


@pytest.mark.parametrize("what", ["pods", "deploy/web", "nodes", "/healthz", "*"])
async def test_who_may_do_all_may_do_it(session, capsys, what):
    assert await server.can_i(session, "get", what, "", {"namespace": "default"})
    assert capsys.readouterr().out == "yes\n"


async def test_permissions_and_people_are_told(session, capsys):
    await server.list_permissions(session, "default", {})
    await server.who_am_i(session, {"as": "jane", "groups": "dev"})

    printed = capsys.readouterr().out
    assert printed.startswith("Resources   Non-Resource URLs")
    assert "Username    jane" in printed
    assert "dev" in printed


async def test_events_come_in_their_order(session, events, capsys):
    await show_events(session, EventsRequest(namespace="default"))

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("  ")[0] == "LAST SEEN"
    assert [line.split()[2] for line in lines[1:]] == ["Pulled", "Started", "Failed"]


async def test_events_can_be_chosen(session, events, capsys):
    about = parse_selections(["pod/db"])[0]
    for request in (
        EventsRequest(namespace="", types=("warning",), headings=False),
        EventsRequest(namespace="", about=about, headings=False),
    ):
        await show_events(session, request)

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0::4] for line in lines] == [["default", "Pod/db"]] * 2


async def test_no_event_is_told_on_standard_error(session, capsys):
    await show_events(session, EventsRequest(namespace="default"))

    assert capsys.readouterr() == ("", "No events found in default namespace.\n")
    with pytest.raises(UsageError, match="Normal or Warning"):
        await show_events(session, EventsRequest(namespace="", types=("bad",)))


async def test_what_happens_is_printed_as_it_comes(session, client, events, capsys):
    printed = []

    async def seen():
        printed.append(capsys.readouterr().out)
        return "".join(printed)

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(show_events(session, EventsRequest(namespace="default", watch=True)))
        await eventually(seen, lambda text: "Failed" in text)
        await client.create(EVENT, event("new", "Killing", "2026-01-01T00:00:04Z"))
        await eventually(seen, lambda text: "Killing" in text)
        watching.cancel()
