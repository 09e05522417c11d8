"""``cordon``, ``drain``, ``taint`` and ``top`` against the API."""

import pytest

from netemu.api.errors import NotFoundError
from netemu.api.kinds import NODE, POD
from netemu.apiclient.http import HttpClient
from netemu.apiserver.http import serve
from netemu.apiserver.usage import ContainerUsage, UsageMeter
from netemu.cli.draining import DrainOptions
from netemu.cli.resources import UsageError
from netemu.cli.session import Session
from netemu.cli.taints import parse_taint
from netemu.cli.verbs.nodecare import cordon, drain, nodes_of, taint
from netemu.cli.verbs.top import TopRequest, top_nodes, top_pods
from netemu.clock import system_clock
from netemu.errors import NetemuError
from netemu.testing import builders

OWNER = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "name": "web",
    "uid": "00000000-0000-0000-0000-000000000001",
    "controller": True,
}


@pytest.fixture
async def node(client):
    return await client.create(NODE, builders.node("node-1"))


async def test_a_node_is_cordoned_once(session, client, node, capsys):
    for unschedulable in (True, True, False, False):
        nodes = await nodes_of(session, ["node-1"], "")
        await cordon(session, nodes, unschedulable=unschedulable)

    assert capsys.readouterr().out.splitlines() == [
        "node/node-1 cordoned",
        "node/node-1 already cordoned",
        "node/node-1 uncordoned",
        "node/node-1 already uncordoned",
    ]


async def test_taints_are_set_and_removed(session, client, node, capsys):
    for word in ("a=b:PreferNoSchedule", "a-"):
        nodes = await nodes_of(session, [], "", everything=True)
        await taint(session, nodes, [parse_taint(word)], overwrite=False)

    assert capsys.readouterr().out == "node/node-1 tainted\nnode/node-1 untainted\n"


async def test_nodes_must_be_named(session):
    with pytest.raises(UsageError, match="one or more node names"):
        await nodes_of(session, [], "")
    with pytest.raises(NotFoundError):
        await nodes_of(session, ["none"], "")


@pytest.mark.parametrize("disable_eviction", [False, True])
async def test_draining_sees_every_pod_gone(session, client, node, capsys, disable_eviction):
    await client.create(POD, builders.pod("web", node="node-1", owner=OWNER))
    await client.create(POD, builders.pod("elsewhere", node="node-2"))
    options = DrainOptions(grace_period_s=0, timeout_s=30, disable_eviction=disable_eviction)
    await drain(session, await nodes_of(session, ["node-1"], ""), options)

    assert [pod["metadata"]["name"] for pod in (await client.list(POD)).items] == ["elsewhere"]
    assert capsys.readouterr().out.endswith("node/node-1 drained\n")


async def test_a_node_with_pods_that_would_be_lost_is_only_cordoned(session, client, node, capsys):
    await client.create(POD, builders.pod("alone", node="node-1"))

    with pytest.raises(NetemuError, match=r'unable to drain node "node-1": .*default/alone'):
        await drain(session, [node], DrainOptions())
    assert capsys.readouterr().out == "node/node-1 cordoned\n"


class Counters:
    """Every pod of a node has used the same."""

    def __init__(self, uids):
        self._uids = uids

    async def usage(self):
        return {"node-1": [ContainerUsage(f"{uid}_c_0", uid, "c", 0.0, 3 << 20) for uid in self._uids]}


@pytest.fixture
async def measuring(registry, client, node, session, socket_path):
    async def pause(_seconds):
        pass

    uids = [(await client.create(POD, builders.pod(name)))["metadata"]["uid"] for name in ("b", "a")]
    meter = UsageMeter(Counters(uids), system_clock, pause)
    socket = socket_path.with_name("measuring.sock")
    async with serve(registry, None, socket, meter=meter):
        http = HttpClient(socket)
        yield Session(http, socket)
        await http.close()


async def test_top_shows_pods_by_name(measuring, capsys):
    await top_pods(measuring, TopRequest(namespace="default"))

    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["NAME", "CPU(cores)", "MEMORY(bytes)"],
        ["a", "0m", "3Mi"],
        ["b", "0m", "3Mi"],
    ]


async def test_top_shows_containers_of_all_namespaces(measuring, capsys):
    await top_pods(measuring, TopRequest(containers=True, headings=False, sum=True))

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [["default", "a", "c", "0m", "3Mi"], ["default", "b", "c", "0m", "3Mi"], ["0m", "6Mi"]]


async def test_top_shows_nodes(measuring, capsys):
    await top_nodes(measuring, TopRequest())

    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["node-1", "0m"]


async def test_top_says_that_nothing_is_known(session, capsys):
    await top_pods(session, TopRequest(namespace="default"))

    assert capsys.readouterr().err == "No resources found in default namespace.\n"
    with pytest.raises(NetemuError, match="metrics not available yet"):
        await top_nodes(session, TopRequest())
