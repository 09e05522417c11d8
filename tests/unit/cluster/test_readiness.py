"""When a cluster counts as ready, though nobody serves its Services."""

from __future__ import annotations

import asyncio

from netemu.api.kinds import DEPLOYMENT
from netemu.cluster.readiness import Readiness, runs_dns, wait_dns
from netemu.informer.cache import Cache


def dns(ready, replicas=2):
    status = {"readyReplicas": ready} if ready else {}
    return {
        "metadata": {"name": "coredns", "namespace": "kube-system"},
        "spec": {"replicas": replicas},
        "status": status,
    }


async def test_dns_pods_count_when_all_are_ready():
    cache = Cache()
    is_there = runs_dns(cache)
    found = [await is_there()]
    for obj in (dns(0), dns(1), dns(2)):
        cache.apply(DEPLOYMENT, obj)
        found.append(await is_there())

    assert found == [False, False, False, True]


async def test_what_is_waited_for_is_said_until_it_is_there():
    readiness, cache = Readiness(), Cache()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(wait_dns(readiness, "DNS pods to be ready", runs_dns(cache)))
        await asyncio.sleep(0)
        said = readiness.waits_for()
        cache.apply(DEPLOYMENT, dns(2))
        await waiting

    assert (said, readiness.waits_for()) == ("DNS pods to be ready", "")


async def test_nobody_waits_for_pods_that_may_never_come():
    readiness = Readiness()
    await wait_dns(readiness, "DNS pods to be ready", runs_dns(Cache()), within_s=0.0)

    assert readiness.waits_for() == ""
