"""What every cluster begins with."""

from __future__ import annotations

from netemu.api.kinds import API_SERVICE, PRIORITY_CLASS, SERVICE, SERVICE_CIDR
from netemu.apiserver.client import LocalClient
from netemu.apiserver.registry import Registry
from netemu.cluster.bootstrap import ensure, first_objects
from netemu.settings import Settings
from netemu.testing.memory_store import MemoryStore

START_S = 1_700_000_000.0


def registry_of(store) -> Registry:
    return Registry(store, Settings(), lambda: START_S)


async def test_everything_is_there_once():
    registry = registry_of(MemoryStore())
    client = LocalClient(registry)

    await ensure(client, Settings())
    revision = registry.revision
    await ensure(client, Settings())

    cidr = registry.get(SERVICE_CIDR, "", "kubernetes")
    assert cidr["spec"]["cidrs"] == [str(Settings().services)]
    assert registry.revision == revision


async def test_the_systems_priorities_have_classes():
    registry = registry_of(MemoryStore())

    await ensure(LocalClient(registry), Settings())

    values = {obj["metadata"]["name"]: obj["value"] for obj in registry.list(PRIORITY_CLASS).items}
    assert values == {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}


def test_namespaces_come_before_what_is_in_them():
    kinds = [obj["kind"] for obj in first_objects(Settings())]

    assert kinds.index("Namespace") < kinds.index("Service")


async def test_measurements_have_an_api_service_that_is_available():
    registry = registry_of(MemoryStore())

    await ensure(LocalClient(registry), Settings())

    (condition,) = registry.get(API_SERVICE, "", "v1beta1.metrics.k8s.io")["status"]["conditions"]
    assert (condition["type"], condition["status"]) == ("Available", "True")


async def test_a_cluster_of_both_families_has_both_in_its_range_and_its_dns():
    settings = Settings(
        host_cidr=("172.30.0.0/16", "fd00:172:30::/64"),
        pod_cidr=("10.244.0.0/16", "fd00:10:244::/56"),
        service_cidr=("10.96.0.0/16", "fd00:10:96::/112"),
    )
    registry = Registry(MemoryStore(), settings, lambda: START_S)

    await ensure(LocalClient(registry), settings)

    assert registry.get(SERVICE_CIDR, "", "kubernetes")["spec"]["cidrs"] == list(settings.service_cidr)
    assert registry.get(SERVICE, "kube-system", "kube-dns")["spec"]["clusterIPs"] == [
        "10.96.0.10",
        "fd00:10:96::a",
    ]
    assert registry.get(SERVICE, "default", "kubernetes")["spec"]["clusterIPs"] == ["10.96.0.1"]
