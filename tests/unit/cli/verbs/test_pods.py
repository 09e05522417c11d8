"""``logs``, and which pod and container a command means."""

import pytest

from netemu.api.kinds import NODE, POD, SERVICE
from netemu.cli.resources import Selection, UsageError
from netemu.cli.verbs.logs import LogsRequest, log_query, logs_by_label, logs_of
from netemu.cli.verbs.pods import NoPodError, container_of, pod_for
from netemu.testing import builders

POD_OF_TWO = {
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "a"}, {"name": "b"}], "initContainers": [{"name": "init"}]},
}


@pytest.fixture
async def pods(client):
    for name in ("web-1", "web-2"):
        pod = await client.create(POD, builders.pod(name, labels={"app": "web"}, node="node-1"))
        phase = {"web-1": "Pending", "web-2": "Running"}[name]
        await client.update(POD, builders.running(pod, phase=phase), subresource="status")
    await client.create(SERVICE, builders.service("web", selector={"app": "web"}))


async def test_a_service_stands_for_one_of_its_running_pods(session, pods, capsys):
    pod = await pod_for(session, Selection(kind=SERVICE, names=("web",)), "default")

    assert pod["metadata"]["name"] == "web-2"
    assert capsys.readouterr().err == ""


async def test_whose_log_it_is_is_told(session, pods, capsys):
    await logs_of(session, Selection(kind=SERVICE, names=("web",)), "default", LogsRequest())

    assert capsys.readouterr().err == "Found 2 pods, using pod/web-2\n"


async def test_what_selects_no_pods_is_told(session, client):
    await client.create(SERVICE, builders.service("none", selector={"app": "none"}))
    await client.create(NODE, builders.node("node-1"))

    with pytest.raises(NoPodError, match="has no pods"):
        await pod_for(session, Selection(kind=SERVICE, names=("none",)), "default")
    with pytest.raises(UsageError, match="selects no pods"):
        await pod_for(session, Selection(kind=NODE, names=("node-1",)), "default")


def test_the_first_container_is_the_default_and_that_is_told(capsys):
    assert container_of(POD_OF_TWO, "") == "a"
    assert capsys.readouterr().err == 'Defaulted container "a" out of: a, b, init\n'


def test_a_container_is_chosen_by_name():
    assert container_of(POD_OF_TWO, "init") == "init"
    with pytest.raises(NoPodError, match="container c is not valid for pod web") as caught:
        container_of(POD_OF_TWO, "c")
    assert "a, b, init" in caught.value.hint


async def test_a_log_is_printed_as_it_is(session, pods, capsysbinary):
    await logs_of(session, Selection(kind=POD, names=("web-2",)), "default", LogsRequest(tail=5))

    assert b"web-2/" in (printed := capsysbinary.readouterr().out)
    assert printed.endswith(b"tail=5\nsecond line\n")


async def test_a_log_of_what_is_not_there_is_refused_in_kubectl_s_words(session):
    with pytest.raises(NoPodError) as refused:
        await logs_of(session, Selection(kind=POD, names=("x",)), "default", LogsRequest())

    assert str(refused.value) == 'error from server (NotFound): pods "x" not found in namespace "default"'


async def test_labels_give_the_last_lines_of_every_pod(session, pods, capsysbinary):
    await logs_by_label(session, "app=web", "default", LogsRequest(prefix=True, follow=True))

    lines = sorted(capsysbinary.readouterr().out.splitlines())
    assert len(lines) == 4
    assert lines[0].startswith(b"[pod/web-1/")
    assert b"tail=10" in b"".join(lines)


def test_every_option_is_asked_for():
    request = LogsRequest(follow=True, previous=True, timestamps=True, since_s=0.2, tail=-1)

    assert log_query("c", request, 10) == {
        "container": "c",
        "follow": "true",
        "previous": "true",
        "timestamps": "true",
        "sinceSeconds": "1",
    }
