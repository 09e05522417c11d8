"""[IO] What one attempt to run a container is made of: its spec, and the files and volumes that it mounts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from netemu.agent import envfiles, environment, images, messages, specs, users
from netemu.agent.profiles import read_profile
from netemu.agent.security import Security, security_of
from netemu.agent.specs import Attempt, MachineFiles, Site, find_container
from netemu.agent.volumes import Volumes, sandbox_path, sub_path_of
from netemu.agent.work import EXEC_SUFFIX, PodWork
from netemu.api.client import Object
from netemu.api.views.core import Pod
from netemu.image.index import Image, Images
from netemu.linux.files import read_small
from netemu.runtime.container import AppSpec, ContainerSpec, Mount
from netemu.runtime.syscalls import read_in_root
from netemu.standin import pages
from netemu.standin.catalogue import Catalogue, Play, programs

_ENV_FILE_BYTES = 1024 * 1024
SHARED_MEMORY = "/dev/shm"
SHARED_MEMORY_BYTES = 64 * 1024 * 1024  # of every pod, as its runtime has it


class Assembly:
    """Puts together what servers are told of the containers of one node.

    ``lookup`` finds a ConfigMap or Secret, ``services`` a namespace's variables of Services: of all
    of them, or of those that were there at a moment; ``has_users`` tells whether pods can have users of
    their own.
    """

    def __init__(
        self,
        *,
        site: Site,
        catalogue: Callable[[], Catalogue],
        loaded: Images,
        lookup: Callable[[str, str, str], Mapping[str, Any] | None],
        services: Callable[[str, float | None], Mapping[str, str]],
        volumes: Volumes,
        has_users: Callable[[], bool],
    ) -> None:
        self._site = site
        self._catalogue = catalogue
        self._loaded = loaded
        self._lookup = lookup
        self._services = services
        self._volumes = volumes
        self._has_users = has_users

    def attempt(
        self, work: PodWork, pod: Pod, name: str, id: str, *, started_at_s: float | None = None
    ) -> Attempt:
        """Put together what an attempt is made of, or was when it started.

        Raises:
            ConfigError: its environment cannot be.

        """
        assert work.sandbox is not None, "containers start after the network"
        container, raw = find_container(pod, work.obj, name)
        namespace = pod.metadata.namespace
        variables = environment.container_environment(
            pod,
            container,
            raw,
            node_ips=self._site.node_ips,
            pod_ips=work.sandbox.addresses,
            services=self._services(namespace, started_at_s) if pod.spec.enable_service_links else {},
            lookup=lambda kind, name: self._lookup(kind, namespace, name),
            hostname=specs.hostname(self._site, pod),
            from_file=lambda reference: envfiles.value_of(reference, self._reader(work)),
        )
        return Attempt(
            pod=pod, container=container, raw=raw, id=id, sandbox=work.sandbox, variables=variables
        )

    def _reader(self, work: PodWork) -> envfiles.ReadFile:
        """Give what reads files of a pod's volumes on disk; no link leads out of its volume."""
        volumes = self._site.pod_dir(work.uid) / "volumes"

        def read(volume: str, path: str) -> str | None:
            with suppress(OSError):
                return read_in_root(str(volumes / volume), path, _ENV_FILE_BYTES).decode(errors="replace")
            return None

        return read

    def app(self, work: PodWork, attempt: Attempt, play: Play) -> AppSpec:
        """Give the spec of a stand-in; ConfigError where a process could mount nothing.

        It mounts nothing itself, but for the volume that has a web server's page: that is made now.

        Source: Kubernetes ``pkg/kubelet/kubelet_pods.go``, ``makeMounts``.
        """
        for mount in attempt.raw.get("volumeMounts") or ():
            sub_path_of(mount, attempt.variables)
        spec = specs.app_spec(self._site, attempt, play, _machine_files())
        page = self._page_in_volume(work, attempt, play.app)
        return replace(spec, page=page) if page else spec

    def _page_in_volume(self, work: PodWork, attempt: Attempt, app: str) -> str:
        """Say where on disk the page of a web server is that the pod mounts; empty if it mounts none."""
        page = pages.PAGES.get(app)
        if page is None:
            return ""
        for mount in attempt.raw.get("volumeMounts") or ():
            inside = page.below(mount["mountPath"])
            if inside is not None:
                directory = self._write_files(attempt)
                wanted = {"volumeMounts": [mount]}
                made = self._volumes.mounts(work.obj, wanted, directory, attempt.variables)
                return next((f"{each.source}{inside}" for each in made if not each.memory_at), "")
        return ""

    def command(
        self, work: PodWork, attempt: Attempt, argv: tuple[str, ...], *, image_uid: int = 0
    ) -> ContainerSpec:
        """Give the spec of a command among the machine's programs, and make the files that it mounts."""
        volumes = tuple(
            replace(mount, target=sandbox_path(mount.target)) for mount in self._mounts(work, attempt)
        )
        image, directory = attempt.container.image, self._site.pod_dir(work.uid)
        own = programs(image, self._catalogue())
        if not any(each.target == "/usr" or each.target.startswith("/usr/") for each in volumes):
            own += pages.mount(
                image, self._catalogue(), directory, attempt.id.removesuffix(f"_{EXEC_SUFFIX}")
            )
        security = self._security(work, attempt, image_uid)
        return specs.container_spec(self._site, attempt, argv, security, own + volumes)

    def image(self, work: PodWork, attempt: Attempt, image: Image) -> ContainerSpec:
        """Give the spec of a command among a loaded image's files, and make the files that it mounts."""
        volumes = self._mounts(work, attempt)
        security = self._security(work, attempt)
        argv = images.image_argv(image, attempt)
        spec = specs.container_spec(self._site, attempt, argv, security, volumes)
        scratch = self.scratch(work, attempt.id)
        root = self._loaded.root(image)
        return images.with_image(spec, image, attempt, work.obj, root=root, scratch=scratch)

    def _security(self, work: PodWork, attempt: Attempt, image_uid: int = 0) -> Security:
        profile = read_profile(work.obj, attempt.raw, self._site.paths.node_state(self._site.node))
        filtered = self._site.settings.kubelet.seccomp_default
        return security_of(
            work.obj,
            attempt.raw,
            image_uid=image_uid,
            seccomp_default=filtered,
            first_id=self.first_id(work.obj),
            profile=profile,
        )

    def first_id(self, pod: Object) -> int:
        """Give the machine's number of a pod's root, 0 for a pod whose users are the machine's."""
        return users.first_id_of(pod) if users.wants_users(pod) and self._has_users() else 0

    def scratch(self, work: PodWork, id: str) -> Path:
        """Say where an attempt that runs from an image has what it writes."""
        return self._site.pod_dir(work.uid) / "containers" / id

    def _mounts(self, work: PodWork, attempt: Attempt) -> tuple[Mount, ...]:
        directory = self._write_files(attempt)
        message = messages.mounts(directory, attempt.id, attempt.container.termination_message_path)
        volumes = self._volumes.mounts(work.obj, attempt.raw, directory, attempt.variables) + message
        return self._shared_memory(attempt, volumes) + volumes

    def _shared_memory(self, attempt: Attempt, volumes: tuple[Mount, ...]) -> tuple[Mount, ...]:
        """Give the pod's own /dev/shm, unless a volume takes its place."""
        if any(mount.target == SHARED_MEMORY for mount in volumes):
            return ()
        place = self._site.shared_memory(attempt.pod)
        if not place.is_dir():
            place.mkdir(parents=True)
            place.chmod(0o1777)
        there = str(place)
        return (
            Mount(
                source=there,
                target=SHARED_MEMORY,
                read_only=False,
                memory_at=there,
                memory_bytes=SHARED_MEMORY_BYTES,
            ),
        )

    def _write_files(self, attempt: Attempt) -> Path:
        directory = self._site.pod_dir(attempt.pod.metadata.uid)
        if not directory.exists():
            new = directory.with_suffix(".new")
            os.makedirs(new, exist_ok=True)
            own = specs.pod_files(self._site, attempt.pod, attempt.sandbox, _machine_files())
            for name, text in own.items():
                (new / name).write_text(text)
            new.rename(directory)
        return directory


def _machine_files() -> MachineFiles:
    hosts, resolv_conf = read_small("/etc/hosts"), read_small("/etc/resolv.conf")
    return MachineFiles(hosts=hosts.decode(), resolv_conf=resolv_conf.decode())
