"""[IO] ``/metrics``: what an API server counts, under Kubernetes' names, in Prometheus' text format.

Source: https://kubernetes.io/docs/reference/instrumentation/metrics/.
"""

from __future__ import annotations

import os
import resource
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from aiohttp import web

from netemu.apiserver.auth.guard import ASKED
from netemu.apiserver.discovery import version
from netemu.apiserver.registry import Registry
from netemu.clock import Clock
from netemu.metrics import CONTENT_TYPE, Metric, labels, render_metrics

_RESIDENT_PAGES = 1


class Metrics:
    """Counts requests, and tells them with what else is to be known of this process."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self._registry = registry
        self._began_s = clock()
        self._requests: Counter[tuple[str, str, str, str, str, str, int]] = Counter()

    def count(self, request: web.BaseRequest, code: int) -> None:
        """Count a request that was answered. What is served by nobody has no labels: there are
        too many such paths.
        """
        asked = request.get(ASKED)
        kinds = self._registry.kinds
        kind = kinds.find(asked.group, asked.version, asked.resource) if asked is not None else None
        if asked is None or kind is None:
            self._requests["", "", "", "", "", request.method[:8], code] += 1
            return
        part = asked.subresource if asked.subresource in kind.subresources else ""
        scope = "resource" if asked.name else "namespace" if asked.namespace else "cluster"
        verb = asked.verb.upper()[:16]
        self._requests[kind.group, kind.version, kind.resource, part, scope, verb, code] += 1

    def answer(self) -> web.Response:
        """Answer with all that was counted."""
        text = render_metrics(self._metrics())
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    def _metrics(self) -> Iterator[Metric]:
        yield Metric(
            "apiserver_request_total",
            "counter",
            "Counter of apiserver requests broken out for each verb, resource and HTTP response code.",
            [(_request_labels(*key), count) for key, count in self._requests.items()],
        )
        kinds = self._registry.kinds.stored()
        yield Metric(
            "apiserver_storage_objects",
            "gauge",
            "Number of stored objects, split by kind.",
            [(labels({"resource": kind.key}), len(self._registry.list(kind).items)) for kind in kinds],
        )
        said = version()
        build = {name: said[name] for name in ("gitVersion", "major", "minor", "platform")}
        release = labels({"git_version": build.pop("gitVersion"), **build})
        yield Metric("kubernetes_build_info", "gauge", "The release that is emulated.", [(release, 1)])
        yield from _process(self._began_s)


def _process(began_s: float) -> Iterator[Metric]:
    """Tell what every Go program tells of its process."""
    pages = int(Path("/proc/self/statm").read_text().split()[_RESIDENT_PAGES])
    used = resource.getrusage(resource.RUSAGE_SELF)
    most_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    for name, type_, text, value in (
        ("cpu_seconds_total", "counter", "CPU time spent, in seconds.", used.ru_utime + used.ru_stime),
        ("resident_memory_bytes", "gauge", "Resident memory, in bytes.", pages * resource.getpagesize()),
        ("open_fds", "gauge", "Open file descriptors.", len(os.listdir("/proc/self/fd"))),
        ("max_fds", "gauge", "The most open file descriptors.", most_files),
        ("start_time_seconds", "gauge", "Start, in seconds since 1970.", began_s),
    ):
        yield Metric(f"process_{name}", type_, text, [("", value)])


def _request_labels(
    group: str, version_: str, resource_: str, subresource: str, scope: str, verb: str, code: int
) -> str:
    return labels(
        {
            "code": str(code),
            "component": "apiserver",
            "dry_run": "",
            "group": group,
            "resource": resource_,
            "scope": scope,
            "subresource": subresource,
            "verb": verb,
            "version": version_,
        }
    )
