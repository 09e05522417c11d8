"""[IO] The containers of one node's pods: processes under the shim, or played by the stand-in server."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from msgspec.structs import replace

from netemu.agent import environment, files
from netemu.agent.environment import ConfigError
from netemu.agent.ports import Recorder, Session, Shim, Standins
from netemu.agent.projections import VolumeError
from netemu.agent.volumes import Volumes
from netemu.agent.work import EXEC_SUFFIX, PodWork, Source, container_id, lost
from netemu.api.errors import NotFoundError
from netemu.api.views.core import Container, Pod
from netemu.clock import Clock
from netemu.errors import NetemuError
from netemu.logs import Log
from netemu.naming import NodeName
from netemu.runtime.container import AppSpec, ContainerSpec, ContainerState, Mount
from netemu.runtime.errors import ContainerNotFoundError
from netemu.runtime.logfile import LogFile
from netemu.settings import Paths, Settings
from netemu.standin.catalogue import Catalogue, Command, InvalidArguments, Play, UnknownImage, Worker, decide

log = Log(__name__)

T = TypeVar("T")

# pid 1 of a stand-in's container while someone is inside: ends when told to, as a server would.
HOLDER = ("/bin/sh", "-c", 'trap "exit 143" TERM INT; sleep infinity & wait')

Failure = tuple[str, str]

WAITS_FOR_VOLUMES = "ContainerCreating"


class NotConnectedError(NetemuError):
    """The server that runs containers is being restarted; the same call may go through later."""

    code = "AGENT_NOT_CONNECTED"


class Containers:
    """Starts, signals and removes containers of one node.

    ``shim`` and ``standins`` are set while there is a connection and ``None`` in between.
    """

    def __init__(
        self,
        *,
        node: NodeName,
        node_ip: str,
        settings: Settings,
        paths: Paths,
        catalogue: Callable[[], Catalogue],
        worker_argv: Callable[[str, Pod, str, str], tuple[str, ...]],
        lookup: Callable[[str, str, str], Mapping[str, Any] | None],
        services: Callable[[str], Mapping[str, str]],
        volumes: Volumes,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self.shim: Shim | None = None
        self.standins: Standins | None = None
        self._node = node
        self._node_ip = node_ip
        self._settings = settings
        self._paths = paths
        self._catalogue = catalogue
        self._worker_argv = worker_argv
        self._lookup = lookup
        self._services = services
        self._volumes = volumes
        self._recorder = recorder
        self._clock = clock
        self._holder_locks: dict[str, asyncio.Lock] = {}

    async def start(self, work: PodWork, pod: Pod, name: str, attempt: int) -> ContainerState | Failure:
        """Start one attempt of a container.

        Returns:
            What became of it (it may have ended already), or Kubernetes' reason and message why
            it cannot be started.

        Raises:
            NetemuError: the server that would run it cannot be asked; try again.

        """
        container, raw = _find(pod, work.obj, name)
        decided = decide(container, self._catalogue())
        if isinstance(decided, UnknownImage):
            self._emit(
                work, "Warning", "Failed", f'Failed to pull image "{container.image}": {decided.message}'
            )
            return "ErrImagePull", decided.message
        if isinstance(decided, InvalidArguments):
            return self._refused(pod, container.name, attempt, decided.message)
        try:
            variables = self._environment(pod, container, raw, work)
        except ConfigError as err:
            self._emit(work, "Warning", "Failed", f"Error: {err.message}")
            return "CreateContainerConfigError", err.message
        id = container_id(pod.metadata.uid, name, attempt)
        try:
            self._volumes.check(work.obj)
            state = await self._run(work, pod, container, id, decided, variables)
        except VolumeError as err:
            self._emit(work, "Warning", "FailedMount", err.message)
            return WAITS_FOR_VOLUMES, ""
        if attempt == 0:
            pulled = f'Container image "{container.image}" already present on machine'
            self._emit(work, "Normal", "Pulled", pulled)
        self._emit(work, "Normal", "Created", f"Container created: {name}")
        if state.running:
            self._emit(work, "Normal", "Started", f"Container started: {name}")
        elif state.message:
            self._emit(work, "Warning", "Failed", f"Error: {state.message}")
        return state

    async def _run(
        self,
        work: PodWork,
        pod: Pod,
        container: Container,
        id: str,
        decided: Command | Play | Worker,
        variables: dict[str, str],
    ) -> ContainerState:
        match decided:
            case Play():
                work.sources[container.name] = "standin"
                return await self._need(self.standins).start(
                    self._app_spec(work, pod, container, id, decided, variables)
                )
            case Worker(app):
                work.sources[container.name] = "shim"
                spec = ContainerSpec(
                    id=id,
                    netns=_netns(work),
                    argv=self._worker_argv(app, pod, _netns(work), _address(work)),
                    log_path=str(self._log_path(pod, container.name, id)),
                    sandboxed=False,
                )
                return await self._need(self.shim).create(spec)
            case Command(argv):
                work.sources[container.name] = "shim"
                expanded = tuple(environment.expand(word, variables) for word in argv)
                spec = self._container_spec(work, pod, container, id, expanded, variables)
                return await self._need(self.shim).create(spec)

    async def exec(
        self, work: PodWork, pod: Pod, name: str, argv: Sequence[str], *, stdin: bool, tty: bool
    ) -> Session:
        """Run a command in a running container.

        A stand-in gets its sandbox on the first call; later ones join it.

        Raises:
            NetemuError: it is not running, or the shim cannot be asked.

        """
        state = work.state_of(name)
        if state is None or not state.running:
            raise NotFoundError(f'container not found ("{name}")')
        shim = self._need(self.shim)
        id = state.id
        if work.sources.get(name) == "standin" or _is_worker(work, pod, name, self._catalogue()):
            id = await self._ensure_holder(work, pod, name, state)
        return await shim.exec(id, list(argv), tty=tty, stdin=stdin)

    async def attach(self, work: PodWork, name: str, *, stdin: bool) -> Session | None:
        """Join the streams of a running container; ``None`` for a stand-in, which only has a log.

        Raises:
            NetemuError: it is not running, or the shim cannot be asked.

        """
        state = work.state_of(name)
        if state is None or not state.running:
            raise NotFoundError(f"container {name} not found in pod {work.key.name}_{work.key.namespace}")
        if work.sources.get(name) == "standin":
            return None
        return await self._need(self.shim).attach(state.id, stdin=stdin)

    async def _ensure_holder(self, work: PodWork, pod: Pod, name: str, state: ContainerState) -> str:
        id = f"{state.id}_{EXEC_SUFFIX}"
        async with self._holder_locks.setdefault(id, asyncio.Lock()):
            if work.exec_holders.get(name) == id:
                return id
            container, raw = _find(pod, work.obj, name)
            variables = self._environment(pod, container, raw, work)
            made = await self._need(self.shim).create(
                self._container_spec(work, pod, container, id, HOLDER, variables)
            )
            if not made.running:
                raise NetemuError(f"the sandbox of container {name} could not be made: {made.message}")
            work.exec_holders[name] = id
            return id

    def adopt(self, work: PodWork, source: Source, state: ContainerState) -> None:
        """Take over a container that a previous daemon started."""
        name = state.id.split("_")[1]
        if state.id.endswith(f"_{EXEC_SUFFIX}"):
            if state.running:
                work.exec_holders[name] = state.id
        else:
            work.sources[name] = source

    def refresh(self, work: PodWork) -> None:
        """Bring the files of a pod's volumes up to date, if it has any."""
        self._volumes.refresh(work.obj, self._pod_dir(work.uid))

    def holder_ended(self, work: PodWork, name: str, state: ContainerState) -> None:
        """Note that the pid 1 that people see in a stand-in's container ended."""
        self._holder_locks.pop(state.id, None)
        if work.exec_holders.get(name) == state.id:
            del work.exec_holders[name]
            work.ended_holders[name] = state

    async def end_with_holders(self, work: PodWork) -> None:
        """End the stand-ins whose pid 1 was killed, as their processes would have ended."""
        for name, holder in list(work.ended_holders.items()):
            id = holder.id.removesuffix(f"_{EXEC_SUFFIX}")
            life = work.lives.get(name)
            if life is not None and life.state is not None and life.state.id == id and life.is_running:
                await self.signal(work, name, signal.SIGKILL)
                if work.sources.get(name) == "standin":
                    ended = replace(holder, id=id, started_at_s=life.state.started_at_s)
                    work.lives[name] = replace(life, state=ended, ready=False)
            await self._need(self.shim).remove(holder.id)
            del work.ended_holders[name]

    async def signal(self, work: PodWork, name: str, signum: int) -> None:
        """Send a signal to a container's pid 1; a stand-in ends on any, with exit code 0."""
        life = work.lives.get(name)
        if life is None or life.state is None or not life.state.running:
            return
        if work.sources.get(name) == "standin":
            await self._need(self.standins).stop(life.state.id)
            ended = replace(
                life.state, running=False, exit_code=0, reason="Completed", finished_at_s=self._clock()
            )
            work.lives[name] = replace(life, state=ended, ready=False)
        else:
            try:
                await self._need(self.shim).signal(life.state.id, signum)
            except ContainerNotFoundError:
                work.lives[name] = replace(life, state=lost(life.state, self._clock()), ready=False)

    async def discard(self, work: PodWork, name: str, id: str) -> None:
        """Make the servers forget an attempt that ended; its log stays."""
        if work.sources.get(name) == "standin":
            await self._need(self.standins).stop(id)
        else:
            await self._need(self.shim).remove(id)

    async def remove_holders(self, work: PodWork) -> None:
        """Remove the sandboxes that ``exec`` made."""
        for name, id in list(work.exec_holders.items()):
            del work.exec_holders[name]
            self._holder_locks.pop(id, None)
            await self._need(self.shim).remove(id)

    async def remove(self, work: PodWork) -> None:
        """Forget a pod's containers, and delete its files and logs."""
        for name, life in work.lives.items():
            if life.state is not None:
                await self.discard(work, name, life.state.id)
        for directory in (
            self._pod_dir(work.uid),
            self._log_dir(work.key.namespace, work.key.name, work.uid),
        ):
            shutil.rmtree(directory, ignore_errors=not directory.exists())

    def log_path(self, work: PodWork, name: str, attempt: int) -> Path:
        """Say where an attempt's output is, or will be (CRI log format); its directory exists."""
        directory = self._log_dir(work.key.namespace, work.key.name, work.uid) / name
        directory.mkdir(parents=True, exist_ok=True)
        return directory / f"{attempt}.log"

    def _environment(
        self, pod: Pod, container: Container, raw: Mapping[str, Any], work: PodWork
    ) -> dict[str, str]:
        namespace = pod.metadata.namespace
        return environment.container_environment(
            pod,
            container,
            raw,
            node_ip=self._node_ip,
            pod_ips=work.sandbox.addresses if work.sandbox else (),
            services=self._services(namespace) if pod.spec.enable_service_links else {},
            lookup=lambda kind, name: self._lookup(kind, namespace, name),
        )

    def _app_spec(
        self,
        work: PodWork,
        pod: Pod,
        container: Container,
        id: str,
        decided: Play,
        variables: dict[str, str],
    ) -> AppSpec:
        return AppSpec(
            id=id,
            app=decided.app,
            netns=_netns(work),
            log_path=str(self._log_path(pod, container.name, id)),
            args=tuple(environment.expand(word, variables) for word in decided.args),
            env=variables,
            ports=decided.ports,
            pod=pod.metadata.name,
            namespace=pod.metadata.namespace,
            node=self._node,
            pod_ip=_address(work),
            hostname=self._hostname(pod),
            resolv_conf=self._resolv_conf(pod),
            hosts=self._hosts(work, pod),
        )

    def _container_spec(
        self,
        work: PodWork,
        pod: Pod,
        container: Container,
        id: str,
        argv: tuple[str, ...],
        variables: dict[str, str],
    ) -> ContainerSpec:
        directory = self._write_files(work, pod)
        names = ("hostname", "hosts", "resolv.conf")
        own = tuple(Mount(source=str(directory / n), target=f"/etc/{n}", read_only=False) for n in names)
        _view, raw = _find(pod, work.obj, container.name)
        return ContainerSpec(
            id=id,
            netns=_netns(work),
            argv=argv,
            log_path=str(self._log_path(pod, container.name, id)),
            hostname=self._hostname(pod),
            env=variables,
            cwd=container.working_dir or "/",
            mounts=own + self._volumes.mounts(work.obj, raw, directory, variables),
            stdin=container.stdin,
            stdin_once=container.stdin_once,
            tty=container.tty,
        )

    def _write_files(self, work: PodWork, pod: Pod) -> Path:
        directory = self._pod_dir(work.uid)
        if not directory.exists():
            new = directory.with_suffix(".new")
            os.makedirs(new, exist_ok=True)
            (new / "hostname").write_text(self._hostname(pod) + "\n")
            (new / "hosts").write_text(self._hosts(work, pod))
            (new / "resolv.conf").write_text(self._resolv_conf(pod))
            new.rename(directory)
        return directory

    def _hostname(self, pod: Pod) -> str:
        return self._node if pod.spec.host_network else files.pod_hostname(pod)

    def _hosts(self, work: PodWork, pod: Pod) -> str:
        if pod.spec.host_network:
            return files.host_network_hosts_file(pod, Path("/etc/hosts").read_text())
        assert work.sandbox is not None
        return files.hosts_file(pod, work.sandbox.addresses, self._settings.cluster_domain)

    def _resolv_conf(self, pod: Pod) -> str:
        return files.resolv_conf(
            pod,
            cluster_dns=str(self._settings.dns_ip),
            domain=self._settings.cluster_domain,
            machine=_read_if_there(Path("/etc/resolv.conf")),
        )

    def _pod_dir(self, uid: str) -> Path:
        return self._paths.node_state(self._node) / "pods" / uid

    def _log_dir(self, namespace: str, name: str, uid: str) -> Path:
        return self._paths.pod_logs(self._node) / f"{namespace}_{name}_{uid}"

    def _log_path(self, pod: Pod, container: str, id: str) -> Path:
        meta = pod.metadata
        # Whoever writes the first line makes the directory: most stand-ins never do.
        attempt = id.split("_", 2)[2]
        return self._log_dir(meta.namespace, meta.name, meta.uid) / container / f"{attempt}.log"

    def _refused(self, pod: Pod, name: str, attempt: int, message: str) -> ContainerState:
        """Give the end of a program that did not take its arguments."""
        id = container_id(pod.metadata.uid, name, attempt)
        now_s = self._clock()
        log_file = LogFile(str(self._log_path(pod, name, id)))
        log_file.write("stderr", [(message.encode(), False)])
        log_file.close()
        return ContainerState(
            id=id,
            running=False,
            exit_code=1,
            reason="Error",
            message=message,
            started_at_s=now_s,
            finished_at_s=now_s,
        )

    def _emit(self, work: PodWork, type: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        self._recorder.emit(work.obj, type, reason, message)

    def _need(self, server: T | None) -> T:
        if server is None:
            raise NotConnectedError(f"a container server of {self._node} is being restarted")
        return server


def _find(pod: Pod, obj: Mapping[str, Any], name: str) -> tuple[Container, Mapping[str, Any]]:
    for key, views in (("containers", pod.spec.containers), ("initContainers", pod.spec.init_containers)):
        for view, raw in zip(views, obj["spec"].get(key) or (), strict=True):
            if view.name == name:
                return view, raw
    raise NotFoundError(f"container {name} is not valid for pod {pod.metadata.name}")


def _is_worker(work: PodWork, pod: Pod, name: str, catalogue: Catalogue) -> bool:
    container, _raw = _find(pod, work.obj, name)
    return isinstance(decide(container, catalogue), Worker)


def _netns(work: PodWork) -> str:
    assert work.sandbox is not None, "containers start after the network"
    return work.sandbox.netns


def _address(work: PodWork) -> str:
    assert work.sandbox is not None, "containers start after the network"
    return work.sandbox.addresses[0]


def _read_if_there(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
