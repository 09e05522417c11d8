"""Nodes and pods for the scheduler's tests."""

from __future__ import annotations

import pytest

from netemu.api.views import view
from netemu.api.views.core import Node, Pod
from netemu.naming import NodeName
from netemu.scheduler.facts import node_facts, pod_facts
from netemu.scheduler.fit import Binding, Wish, decide
from netemu.scheduler.occupancy import Occupancy
from netemu.testing import builders

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"


class Cluster:
    """An occupancy with words for what tests do to it."""

    def __init__(self):
        self.occupancy = Occupancy()
        self.occupancy.set_namespace("default", {"kubernetes.io/metadata.name": "default"})

    def node(self, name, zone="", *, labels=None, taints=(), **allocatable):
        own = {HOSTNAME: name, **({ZONE: zone} if zone else {}), **(labels or {})}
        made = builders.node(name, labels=own, taints=taints)
        made["status"]["allocatable"] |= allocatable
        self.occupancy.set_node(node_facts(view(Node, made)))
        return self

    def pod(self, name="p", *, started="2026-01-01T00:00:00Z", ending=False, cpu="", **fields):
        made = builders.stored(builders.pod(name, **fields), name)
        made["status"] = {"startTime": started}
        resources = {"requests": {"cpu": cpu}} if cpu else {}
        made["spec"]["containers"][0]["resources"] = resources
        made["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z"} if ending else {}
        return view(Pod, made)

    def has(self, node, name, **fields):
        self.occupancy.assign(pod_facts(self.pod(name, **fields)), NodeName(node))
        return self

    def decide(self, pod):
        return decide(Wish(self.occupancy, pod))

    def choice(self, **fields):
        """Give the node that a pod gets, or the reasons against each."""
        decision = self.decide(self.pod(**fields))
        if isinstance(decision, Binding):
            return decision.node
        return {node: obstacle.reasons for node, obstacle in decision.obstacles.items()}


@pytest.fixture
def cluster():
    return Cluster()
