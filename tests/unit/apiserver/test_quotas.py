"""What ResourceQuotas count, refuse, and say of themselves."""

from __future__ import annotations

from fractions import Fraction

import pytest

from netemu.api.errors import ForbiddenError
from netemu.api.kinds import NAMESPACE, PERSISTENT_VOLUME_CLAIM, POD, RESOURCE_QUOTA, SECRET, SERVICE
from netemu.apiserver import quotas
from netemu.apiserver.client import LocalClient
from netemu.apiserver.quotastatus import write_quotas
from netemu.apiserver.registry import Registry
from netemu.clock import system_clock
from netemu.settings import Settings
from netemu.testing import builders
from netemu.testing.memory_store import MemoryStore


@pytest.fixture
async def registry():
    registry = Registry(MemoryStore(), Settings(), system_clock)
    await LocalClient(registry).create(NAMESPACE, builders.namespace("default"))
    return registry


async def limited(registry, *, scopes=(), **hard):
    spec = {"hard": {name.replace("__", "."): value for name, value in hard.items()}, "scopes": list(scopes)}
    await registry.create(RESOURCE_QUOTA, {"metadata": {"name": "q"}, "spec": spec}, namespace="default")


def pod(name="web", *, requests=None, limits=None, **spec):
    resources = {"requests": requests or {}, "limits": limits or {}}
    container = {"name": "c", "image": "nginx", "resources": resources}
    return {"metadata": {"name": name}, "spec": {"containers": [container], **spec}}


async def create(registry, kind, obj):
    return await registry.create(kind, obj, namespace="default")


async def used(registry):
    await write_quotas(registry)
    return registry.get(RESOURCE_QUOTA, "default", "q")["status"]["used"]


async def test_a_quota_says_what_is_used_of_it(registry):
    await limited(registry, pods="5", cpu="1", memory="500Mi", limits__cpu="2")
    await create(registry, POD, pod(requests={"cpu": "500m", "memory": "252Mi"}, limits={"cpu": "1"}))

    assert await used(registry) == {"pods": "1", "cpu": "500m", "memory": "252Mi", "limits.cpu": "1"}


async def test_what_is_deleted_is_free_again(registry):
    await limited(registry, secrets="1")
    await create(registry, SECRET, {"metadata": {"name": "one"}})
    await registry.delete(SECRET, "default", "one")

    assert await used(registry) == {"secrets": "0"}


async def test_a_pod_that_does_not_fit_is_refused_in_kubernetes_words(registry):
    await limited(registry, cpu="1")
    await create(registry, POD, pod(requests={"cpu": "500m"}))

    with pytest.raises(ForbiddenError) as caught:
        await create(registry, POD, pod("more", requests={"cpu": "600m"}))
    assert caught.value.message == (
        'pods "more" is forbidden: exceeded quota: q, requested: cpu=600m, used: cpu=500m, limited: cpu=1'
    )


async def test_a_pod_must_say_what_it_needs_of_what_is_limited(registry):
    await limited(registry, cpu="1", limits__memory="1Gi")

    with pytest.raises(
        ForbiddenError, match=r"failed quota: q: must specify cpu for: c; limits.memory for: c"
    ):
        await create(registry, POD, pod())


async def test_a_refused_object_is_not_stored(registry):
    await limited(registry, secrets="0")

    with pytest.raises(ForbiddenError):
        await create(registry, SECRET, {"metadata": {"name": "one"}})
    assert registry.list(SECRET, "default").items == []


async def test_a_change_that_takes_more_is_refused_and_others_are_not(registry):
    await limited(registry, services__nodeports="0")
    made = await create(registry, SERVICE, {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})
    await registry.update(SERVICE, {**made, "metadata": {**made["metadata"], "labels": {"a": "b"}}})

    with pytest.raises(ForbiddenError, match="exceeded quota"):
        await registry.patch(SERVICE, "default", "s", {"spec": {"type": "NodePort"}})


async def test_objects_of_any_kind_are_counted_by_their_full_name(registry):
    await limited(registry, **{"count/secrets": "5"})
    await create(registry, SECRET, {"metadata": {"name": "one"}})

    assert await used(registry) == {"count/secrets": "1"}


@pytest.mark.parametrize(
    ("scope", "meant", "other"),
    [
        ("Terminating", pod(activeDeadlineSeconds=5), pod()),
        ("NotTerminating", pod(), pod(activeDeadlineSeconds=5)),
        ("BestEffort", pod(), pod(limits={"cpu": "1"})),
        ("NotBestEffort", pod(requests={"cpu": "1"}), pod()),
        ("CrossNamespacePodAffinity", pod(affinity={"podAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [{"namespaces": ["x"]}]}}), pod()),
    ],
)  # fmt: skip
def test_a_scope_means_some_pods_only(scope, meant, other):
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "1"}, "scopes": [scope]}}

    assert quotas.is_counted(POD, meant, quota)
    assert not quotas.is_counted(POD, other, quota)
    assert not quotas.is_counted(SECRET, {"metadata": {"name": "s"}}, quota)


@pytest.mark.parametrize(
    ("operator", "values", "counted"),
    [("In", ["high"], True), ("NotIn", ["high"], False), ("Exists", [], True), ("DoesNotExist", [], False)],
)
def test_a_scope_selects_priority_classes(operator, values, counted):
    wanted = {"scopeName": "PriorityClass", "operator": operator, "values": values}
    quota = {"metadata": {}, "spec": {"scopeSelector": {"matchExpressions": [wanted]}}}

    assert quotas.is_counted(POD, pod(priorityClassName="high"), quota) is counted


def test_a_claim_counts_for_its_class_too():
    claim = {"spec": {"storageClassName": "gold", "resources": {"requests": {"storage": "1Gi"}}}}
    counted = quotas.usage(PERSISTENT_VOLUME_CLAIM, claim)

    assert (
        counted["gold.storageclass.storage.k8s.io/requests.storage"] == counted["requests.storage"] == 2**30
    )
    assert counted["gold.storageclass.storage.k8s.io/persistentvolumeclaims"] == 1


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_uses_nothing_but_its_place(phase):
    ended = {**pod(requests={"cpu": "1"}), "status": {"phase": phase}}

    assert quotas.usage(POD, ended) == {"count/pods": 1}


def test_the_greatest_init_container_counts_with_the_sidecars_before_it():
    sidecar = {"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": "1"}}}
    first = {"name": "i", "resources": {"requests": {"cpu": "2"}}}
    asked = pod(requests={"cpu": "1"}, initContainers=[sidecar, first], overhead={"cpu": "100m"})

    assert quotas.usage(POD, asked)["requests.cpu"] == Fraction(31, 10)


@pytest.mark.parametrize(
    ("name", "amount", "text"),
    [
        ("cpu", Fraction(1, 2), "500m"),
        ("memory", Fraction(252 * 2**20), "252Mi"),
        ("requests.storage", Fraction(1000), "1000"),
        ("memory", Fraction(0), "0"),
        ("pods", Fraction(1024), "1024"),
    ],
)
def test_amounts_are_written_as_kubernetes_does(name, amount, text):
    assert quotas.render(name, amount) == text


async def test_a_scope_without_a_name_means_no_pod(registry):
    spec = {"hard": {"pods": "0"}, "scopeSelector": {"matchExpressions": [{}]}}
    await registry.create(RESOURCE_QUOTA, {"metadata": {"name": "q"}, "spec": spec}, namespace="default")

    assert (await create(registry, POD, pod()))["metadata"]["name"] == "web"
