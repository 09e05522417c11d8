"""Which port a probe asks, and what a command's end says."""

from __future__ import annotations

import pytest

from netemu.agent.asking import Asker, Output, resolve_port
from netemu.api.views import view
from netemu.api.views.core import Container, Probe

WEB = view(Container, {"name": "c", "image": "nginx", "ports": [{"containerPort": 80, "name": "web"}]})


@pytest.mark.parametrize(("port", "number"), [(8080, 8080), ("web", 80), ("8080", 8080)])
def test_a_port_is_a_number_or_has_a_name(port, number):
    assert resolve_port(WEB, port) == number


def test_a_name_that_no_port_has_is_told_in_the_kubelet_s_words():
    with pytest.raises(ValueError, match=r'^strconv\.Atoi: parsing "nope": invalid syntax$'):
        resolve_port(WEB, "nope")


MISSING = (
    "OCI runtime exec failed: exec failed: unable to start container process: "
    'exec: "/nope": stat /nope: no such file or directory: unknown\n'
)


@pytest.mark.parametrize(
    ("output", "outcome"),
    [
        (Output(0, ""), "success"),
        (Output(1, "no\n"), "failure"),
        (Output(127, "sh: nope: not found\n"), "failure"),
        (Output(127, MISSING), "error"),
    ],
    ids=["well", "not-well", "a-shell-that-finds-nothing", "no-such-command"],
)
async def test_a_command_that_cannot_be_started_says_nothing_of_its_container(output, outcome):
    async def run(_uid, _container, _argv):
        return output

    probe = view(Probe, {"exec": {"command": ["/nope"]}})
    reply = await Asker("", run).ask("uid", WEB, probe, "10.244.0.2")

    assert reply.outcome == outcome
    assert output.text.strip() in reply.message
