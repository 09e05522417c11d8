"""One node and its agent, against a real API in memory, and a network, shim and stand-ins that are fakes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from netemu.agent.containers import Containers
from netemu.agent.loop import Agent
from netemu.agent.specs import Site
from netemu.agent.volumes import Volumes
from netemu.agent.work import Source
from netemu.api.client import Object
from netemu.api.errors import AlreadyExistsError, NotFoundError
from netemu.api.kinds import NAMESPACE, POD
from netemu.apiserver.client import LocalClient
from netemu.apiserver.registry import Registry
from netemu.clock import system_clock
from netemu.informer.cache import Cache
from netemu.informer.watch import Informer
from netemu.naming import ClusterName, NodeName
from netemu.runtime.container import ContainerState
from netemu.settings import Paths, Settings
from netemu.standin.catalogue import built_in
from netemu.testing import builders
from netemu.testing.eventually import eventually
from netemu.testing.fake_runtime import FakeNetwork, FakeRecorder, FakeRoutes, FakeShim, FakeStandins
from netemu.testing.memory_store import MemoryStore

NODE = NodeName("node-1")
NODE_IP = "172.30.0.11"


class World:
    """Everything that outlives an agent; ``running`` gives it one, as a daemon would."""

    def __init__(self, directory: Path, *, obedient: bool = True) -> None:
        self.client = LocalClient(Registry(MemoryStore(), Settings(), system_clock))
        self.network, self.shim, self.standins = FakeNetwork(), FakeShim(obedient=obedient), FakeStandins()
        self.recorder = FakeRecorder()
        self.routes = FakeRoutes()
        self.paths = Paths(state=directory / "state", run=directory / "run")

    def states(self) -> list[tuple[Source, ContainerState]]:
        """List what the shim has, as a new daemon finds it."""
        return [("shim", state) for state in self.shim.containers.values()]

    @asynccontextmanager
    async def running(self, states: Iterable[tuple[Source, ContainerState]] = ()) -> AsyncIterator[Agent]:
        """Run an agent that finds ``states``; leaving is the death of its daemon."""
        cache = Cache()
        informer = Informer(self.client, cache, (POD,))
        agent = self._agent(cache)
        self.shim.on_end = agent.state_changed
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(informer.run())]
            await informer.wait_synced()
            informer.on_change(POD, agent.pod_changed)
            agent.adopt(states)
            tasks.append(group.create_task(agent.run()))
            try:
                yield agent
            finally:
                for task in tasks:
                    task.cancel()

    async def create(self, *, image: str = "nginx", **spec: Any) -> Object:
        """Create a pod of this node; ``container`` adds to its container, the rest to its spec."""
        with suppress(AlreadyExistsError):
            await self.client.create(NAMESPACE, builders.namespace("default"))
        pod = builders.pod("web", node=NODE)
        container = {**pod["spec"]["containers"][0], "image": image, **spec.pop("container", {})}
        pod = {**pod, "spec": {**pod["spec"], **spec, "containers": [container]}}
        return await self.client.create(POD, pod)

    async def pod(self) -> Object:
        """Read the pod."""
        return await self.client.get(POD, "default", "web")

    async def phase(self) -> str:
        """Read the pod's phase."""
        return str((await self.pod()).get("status", {}).get("phase"))

    async def container(self) -> Object:
        """Read the status of the pod's container."""
        statuses: list[Object] = (await self.pod()).get("status", {}).get("containerStatuses") or [{}]
        return statuses[0]

    async def until_ready(self) -> Object:
        """Wait for the pod to be ready."""
        return await eventually(self.pod, lambda pod: "True" in ready_of(pod))

    async def until(self, condition: Any) -> None:
        """Wait until ``condition``, a function, gives something true."""
        await eventually(lambda: asyncio.sleep(0, condition()))

    async def gone(self) -> bool:
        """Tell whether the pod is gone from the API."""
        try:
            await self.pod()
        except NotFoundError:
            return True
        return False

    def _agent(self, cache: Cache) -> Agent:
        site = Site(node=NODE, node_ips=(NODE_IP,), settings=Settings(), paths=self.paths)
        containers = Containers(
            node=NODE,
            node_ips=(NODE_IP,),
            settings=Settings(),
            paths=self.paths,
            catalogue=built_in,
            worker_argv=lambda *_: ("worker",),
            lookup=lambda *_: None,
            services=lambda *_: {},
            volumes=Volumes(self.paths.node_state(NODE), lambda *_: None, lambda *_: "token"),
            recorder=self.recorder,
            clock=system_clock,
        )
        containers.shim, containers.standins = self.shim, self.standins
        return Agent(
            cluster=ClusterName("t"),
            site=site,
            node_netns="ne-t-node-1",
            client=self.client,
            cache=cache,
            network=self.network,
            containers=containers,
            recorder=self.recorder,
            routes=self.routes,
            clock=system_clock,
        )


def ready_of(pod: Object) -> list[str]:
    """Give the status of a pod's condition Ready, if it has one."""
    conditions = pod.get("status", {}).get("conditions", [])
    return [condition["status"] for condition in conditions if condition["type"] == "Ready"]
