"""[IO] The containers of one node's pods: processes under the shim, or played by the stand-in server."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from msgspec.structs import replace

from netemu.agent import files, images, specs
from netemu.agent.assembly import Assembly
from netemu.agent.environment import ConfigError
from netemu.agent.ports import Recorder, Session, Shim, Standins
from netemu.agent.profiles import not_had
from netemu.agent.projections import VolumeError
from netemu.agent.restarts import is_plain_init
from netemu.agent.security import check_not_root, network_sysctls_of, security_of
from netemu.agent.specs import Attempt, Site, find_container
from netemu.agent.volumes import Volumes
from netemu.agent.work import EXEC_SUFFIX, PodWork, Source, container_id, field_path, lost
from netemu.api.errors import NotFoundError
from netemu.api.views import view
from netemu.api.views.core import Container, Pod
from netemu.clock import Clock
from netemu.errors import NetemuError
from netemu.image.index import Image, Images
from netemu.logs import Log
from netemu.naming import NodeName
from netemu.runtime.container import ContainerState
from netemu.runtime.errors import ContainerNotFoundError, ControlError, DisconnectedError
from netemu.settings import Paths, Settings
from netemu.standin.catalogue import (
    Catalogue,
    Command,
    Decision,
    Play,
    UnknownImage,
    Worker,
    decide,
)
from netemu.standin.exits import exit_code

log = Log(__name__)

T = TypeVar("T")

SYSTEM_NAMESPACE = "kube-system"

# pid 1 of a stand-in's container while someone is inside: ends when told to, as a server would.
HOLDER = ("/bin/sh", "-c", 'trap "exit 143" TERM INT; sleep infinity & wait')

Failure = tuple[str, str]

WAITS_FOR_VOLUMES = "ContainerCreating"
NOT_CREATED = "CreateContainerError"
PULLED = 'Container image "{}" already present on machine and can be accessed by the pod'


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
        node_ips: tuple[str, ...],
        settings: Settings,
        paths: Paths,
        catalogue: Callable[[], Catalogue],
        worker_argv: Callable[[str, Pod, str, str], tuple[str, ...]],
        lookup: Callable[[str, str, str], Mapping[str, Any] | None],
        services: Callable[[str, float | None], Mapping[str, str]],
        volumes: Volumes,
        recorder: Recorder,
        clock: Clock,
        has_users: Callable[[], bool] = lambda: False,
    ) -> None:
        self.shim: Shim | None = None
        self.standins: Standins | None = None
        self._site = Site(node=node, node_ips=node_ips, settings=settings, paths=paths)
        self._catalogue = catalogue
        self._images = Images(paths.images)
        self._worker_argv = worker_argv
        self._volumes = volumes
        self._assembly = Assembly(
            site=self._site,
            catalogue=catalogue,
            loaded=self._images,
            lookup=lookup,
            services=services,
            volumes=volumes,
            has_users=has_users,
        )
        self.first_id = self._assembly.first_id
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
        container, raw = find_container(pod, work.obj, name)
        decided = self._decide(pod, container)
        if isinstance(decided, UnknownImage):
            return self._not_pulled(work, container, decided.message)
        if missing := images.find_missing(work.obj, raw, self._images):
            return self._not_pulled(work, *missing)
        try:
            self._volumes.check(work.obj)
            if problem := await self._prepare(work, pod):
                words = f"Failed to create pod sandbox: {problem}"
                return self._waits(work, "FailedCreatePodSandBox", words)
            state = await self._attempt(work, pod, name, attempt, decided)
        except VolumeError as err:
            return self._waits(work, "FailedMount", err.message)
        except ConfigError as err:
            return self._refused(work, container, err.reason, err.message)
        except DisconnectedError:
            raise
        except ControlError as err:
            return self._refused(work, container, NOT_CREATED, err.message)
        except OSError as err:
            return self._refused(work, container, NOT_CREATED, str(err))
        is_new = attempt == 0 and not isinstance(decided, Play)
        told = not_had(raw, has_users=bool(self.first_id(work.obj))) if is_new else ()
        self._tell_started(work, container, state, told)
        return state

    async def _attempt(
        self, work: PodWork, pod: Pod, name: str, attempt: int, decided: Command | Play | Worker | Image
    ) -> ContainerState:
        made = self._assembly.attempt(work, pod, name, container_id(pod.metadata.uid, name, attempt))
        if not isinstance(decided, Image):
            check_not_root(work.obj, made.raw, image_uid=_image_uid(decided))
        if target := made.raw.get("targetContainerName"):
            made = replace(made, processes=await self._processes_of(work, pod, target))
        return await self._run(work, made, decided)

    def _waits(self, work: PodWork, reason: str, message: str) -> Failure:
        self._recorder.emit(work.obj, "Warning", reason, message)
        return WAITS_FOR_VOLUMES, ""

    def _refused(self, work: PodWork, container: Container, reason: str, message: str) -> Failure:
        """Tell why there is no container of an image that is there."""
        self._emit(work, container.name, "Normal", "Pulled", PULLED.format(container.image))
        self._emit(work, container.name, "Warning", "Failed", f"Error: {message}")
        return reason, message

    def _tell_started(
        self,
        work: PodWork,
        container: Container,
        state: ContainerState,
        not_given: Iterable[tuple[str, str]],
    ) -> None:
        name = container.name
        self._emit(work, name, "Normal", "Pulled", PULLED.format(container.image))
        self._emit(work, name, "Normal", "Created", "Container created")
        for reason, message in not_given:
            self._emit(work, name, "Warning", reason, message)
        if state.running:
            self._emit(work, name, "Normal", "Started", "Container started")
        elif state.message:
            self._emit(work, name, "Warning", "Failed", f"Error: {state.message}")

    def _decide(self, pod: Pod, container: Container) -> Decision | Image:
        """Decide what a container runs: a loaded image goes before all but the cluster's own DNS."""
        is_waited_for = is_plain_init(pod, container)
        decided = decide(container, self._catalogue(), is_waited_for=is_waited_for)
        if isinstance(decided, Worker) and pod.metadata.namespace == SYSTEM_NAMESPACE:
            return decided
        return self._images.find(container.image) or decided

    def _not_pulled(self, work: PodWork, container: Container, why: str) -> Failure:
        """Tell why there is no such image, and whether somebody may look for it again."""
        reason, message, told = images.pull_failure(container, why)
        for type, event, text in told:
            self._emit(work, container.name, type, event, text)
        return reason, message

    async def _prepare(self, work: PodWork, pod: Pod) -> str:
        """Set what the pod wants of its network before anything of it runs; say why it cannot be had."""
        if problem := files.find_long_name(pod, self._site.settings.cluster_domain):
            return problem
        sysctls = network_sysctls_of(work.obj)
        if sysctls and work.sandbox is not None:
            try:
                await self._need(self.shim).set_sysctls(work.sandbox.netns, sysctls)
            except ControlError as err:
                return err.message
        return ""

    async def _run(
        self, work: PodWork, attempt: Attempt, decided: Command | Play | Worker | Image
    ) -> ContainerState:
        site, pod, name = self._site, attempt.pod, attempt.container.name
        match decided:
            case Play():
                work.sources[name] = "standin"
                app = self._assembly.app(work, attempt, decided)
                return await self._need(self.standins).start(app)
            case Worker(app_name):
                work.sources[name] = "shim"
                sandbox = attempt.sandbox
                argv = self._worker_argv(app_name, pod, sandbox.netns, sandbox.addresses[0])
                return await self._need(self.shim).create(specs.worker_spec(site, attempt, argv))
            case Command(argv, user):
                work.sources[name] = "shim"
                spec = self._assembly.command(work, attempt, attempt.expanded(argv), image_uid=user)
                return await self._need(self.shim).create(spec)
            case Image():
                work.sources[name] = "shim"
                return await self._need(self.shim).create(self._assembly.image(work, attempt, decided))

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
        id = await self._joinable(work, pod, name, state)
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

    async def _processes_of(self, work: PodWork, pod: Pod, target: str) -> str:
        """Say whose processes an ephemeral container sees that targets another container."""
        state = work.state_of(target)
        if state is None or not state.running:
            raise ConfigError(f'unable to find target container "{target}"')
        return f"of:{await self._joinable(work, pod, target, state)}"

    async def _joinable(self, work: PodWork, pod: Pod, name: str, state: ContainerState) -> str:
        """Give the identifier of a running container's processes, made now for a stand-in."""
        is_worker = not state.image_id and _is_worker(work, pod, name, self._catalogue())
        if work.sources.get(name) == "standin" or is_worker:
            return await self._ensure_holder(work, pod, name, state)
        return state.id

    async def _ensure_holder(self, work: PodWork, pod: Pod, name: str, state: ContainerState) -> str:
        id = f"{state.id}_{EXEC_SUFFIX}"
        async with self._holder_locks.setdefault(id, asyncio.Lock()):
            if work.exec_holders.get(name) == id:
                return id
            # A process keeps the variables of the Services that were there when it started.
            attempt = self._assembly.attempt(work, pod, name, id, started_at_s=state.started_at_s)
            # Noted first: who asks may give up, as a probe does whose time is over; it is made all the same.
            work.exec_holders[name] = id
            try:
                made = await self._need(self.shim).create(self._assembly.command(work, attempt, HOLDER))
            except NetemuError:
                work.exec_holders.pop(name, None)
                raise
            if not made.running:
                work.exec_holders.pop(name, None)
                raise NetemuError(f"the sandbox of container {name} could not be made: {made.message}")
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
        self._volumes.refresh(work.obj, self._site.pod_dir(work.uid))

    def find_volume_problem(self, work: PodWork) -> str:
        """Say which of a pod's volumes cannot be made yet; empty if all can."""
        try:
            self._volumes.check(work.obj)
        except VolumeError as err:
            return err.message
        return ""

    def renew_tokens(self, work: PodWork) -> None:
        """Give a pod's processes new tokens before the ones they have end."""
        if work.obj and (work.exec_holders or "shim" in work.sources.values()):
            self._volumes.renew(work.obj, self._site.pod_dir(work.uid), self._clock())

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
        """Send a signal to a container's pid 1; a stand-in ends on any, as what it plays would."""
        life = work.lives.get(name)
        if life is None or life.state is None or not life.state.running:
            return
        if work.sources.get(name) == "standin":
            await self._need(self.standins).stop(life.state.id)
            code = self._exit_code(work, name, signum)
            ended = replace(
                life.state,
                running=False,
                exit_code=code,
                reason="Error" if code else "Completed",
                finished_at_s=self._clock(),
            )
            work.lives[name] = replace(life, state=ended, ready=False)
        else:
            try:
                await self._need(self.shim).signal(life.state.id, signum)
            except ContainerNotFoundError:
                work.lives[name] = replace(life, state=lost(life.state, self._clock()), ready=False)

    def _exit_code(self, work: PodWork, name: str, signum: int) -> int:
        """Tell with which code a stand-in ends; 0 of a pod that nobody knows any more."""
        spec = work.obj["spec"] if work.obj else {}
        groups = ("containers", "initContainers", "ephemeralContainers")
        found = [raw for group in groups for raw in spec.get(group) or () if raw["name"] == name]
        decided = [decide(view(Container, raw), self._catalogue()) for raw in found]
        return next((exit_code(each.app, signum) for each in decided if isinstance(each, Play)), 0)

    async def limit(self, work: PodWork, pod: Pod, name: str) -> None:
        """Give a container that runs the limits that its pod says now; a stand-in has none."""
        state = work.state_of(name)
        if state is not None and state.running and work.sources.get(name) == "shim":
            _container, raw = find_container(pod, work.obj, name)
            await self._need(self.shim).limit(state.id, security_of(work.obj, raw).limits)

    async def discard(self, work: PodWork, name: str, id: str) -> None:
        """Make the servers forget an attempt that ended; its log stays."""
        if work.sources.get(name) == "standin":
            await self._need(self.standins).stop(id)
        else:
            await self._need(self.shim).remove(id)
            left = self._assembly.scratch(work, id)
            shutil.rmtree(left, ignore_errors=True)  # its shim may have been killed

    async def remove_holders(self, work: PodWork) -> None:
        """Remove the sandboxes that ``exec`` made."""
        for name, id in list(work.exec_holders.items()):
            del work.exec_holders[name]
            self._holder_locks.pop(id, None)
            await self._need(self.shim).remove(id)

    def remove_volumes(self, work: PodWork) -> None:
        """Delete what a pod that ended for good has on disk, but for its logs. Idempotent."""
        for name in ("volumes", "containers"):
            shutil.rmtree(self._site.pod_dir(work.uid) / name, ignore_errors=True)

    async def remove(self, work: PodWork) -> None:
        """Forget a pod's containers, and delete its files and logs."""
        for name, life in work.lives.items():
            if life.state is not None:
                await self.discard(work, name, life.state.id)
        for directory in (
            self._site.pod_dir(work.uid),
            self._site.log_dir(work.key.namespace, work.key.name, work.uid),
        ):
            shutil.rmtree(directory, ignore_errors=not directory.exists())

    def log_path(self, work: PodWork, name: str, attempt: int) -> Path:
        """Say where an attempt's output is, or will be (CRI log format); its directory exists."""
        directory = self._site.log_dir(work.key.namespace, work.key.name, work.uid) / name
        directory.mkdir(parents=True, exist_ok=True)
        return directory / f"{attempt}.log"

    def _emit(
        self, work: PodWork, name: str, type: Literal["Normal", "Warning"], reason: str, message: str
    ) -> None:
        self._recorder.emit(work.obj, type, reason, message, field_path=field_path(work.obj, name))

    def _need(self, server: T | None) -> T:
        if server is None:
            raise NotConnectedError(f"a container server of {self._site.node} is being restarted")
        return server


def _is_worker(work: PodWork, pod: Pod, name: str, catalogue: Catalogue) -> bool:
    container, _raw = find_container(pod, work.obj, name)
    return isinstance(decide(container, catalogue), Worker)


def _image_uid(decided: Command | Play | Worker) -> int:
    """Give the user of an image that is not there, as far as its kind says it."""
    match decided:
        case Worker():
            return 65532  # distroless images' nonroot, as coredns has it
        case Play(app="pause"):
            return 65535
        case Command(_, user):
            return user
        case _:
            return 0
