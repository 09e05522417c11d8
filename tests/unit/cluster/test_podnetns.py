"""How a pod was wired is noted where its namespace is."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from netemu.cluster.podnetns import WiredNetns, wired_in
from netemu.cluster.record import Record
from netemu.cni.attachment import Attachment, PortMapping
from netemu.cni.config import parse_config, render_default
from netemu.cni.records import Record as Wired
from netemu.cni.records import Records
from netemu.cni.result import Result

NETWORK = parse_config(render_default([IPv4Network("10.244.0.0/24")], mtu=1450).encode(), "test")
POD = Attachment(
    container_id="u1",
    netns="/run/netns/ne-t-1",
    pod_uid="u1",
    pod_name="web",
    port_mappings=(PortMapping(host_port=80, container_port=8080),),
)
MADE = Wired(network=NETWORK, attachment=POD, result=Result(raw={"ips": [{"address": "10.244.0.2/24"}]}))


@pytest.fixture
def record(tmp_path):
    made = Record(tmp_path / "run")
    made.add("netns", "ne-t-1", {"node": "node-1", "uid": "u1", "namespace": "", "name": "web"})
    return made


@pytest.fixture
def files(tmp_path):
    return Records(tmp_path / "results")


def test_what_is_saved_is_found_whole_beside_what_was_known(record, files):
    wired = WiredNetns("node-1", record, files)
    wired.save(MADE)

    facts = record.facts("netns", "ne-t-1")
    assert wired.find(POD) == wired_in(facts) == MADE
    assert (facts["node"], facts["uid"], facts["name"]) == ("node-1", "u1", "web")
    assert files.list() == ()


def test_what_programs_made_is_found_in_its_file_and_forgotten_there(record, files):
    wired = WiredNetns("node-1", record, files)
    files.save(MADE)

    assert wired.find(POD) == MADE
    wired.forget(POD)
    assert wired.find(POD) is None


def test_a_namespace_that_was_never_wired_says_so(record, files):
    assert WiredNetns("node-1", record, files).find(POD) is None
