"""[IO] ``metrics.k8s.io``: what nodes and pods use, as metrics-server tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aiohttp import web

from netemu.api.client import Object
from netemu.api.errors import MethodNotAllowedError, NotFoundError
from netemu.api.kinds import NODE, POD, Kind
from netemu.api.measured import GROUP, NODE_METRICS, POD_METRICS, VERSION
from netemu.apiserver import bodies, forms
from netemu.apiserver.encodings import no_protobuf, object_answer
from netemu.apiserver.listanswers import list_answer
from netemu.apiserver.paging import Page
from netemu.apiserver.registry import Registry
from netemu.apiserver.routes import nothing_there
from netemu.apiserver.selection import parse_selection
from netemu.apiserver.usage import Rate, Rates, UsageMeter
from netemu.clock import Clock, format_rfc3339

_ROOT = ["", "apis", GROUP, VERSION]


class MeasurementRequests:
    """Answers requests about what is used; all else is not its business."""

    def __init__(self, registry: Registry, meter: UsageMeter, clock: Clock) -> None:
        self._registry = registry
        self._meter = meter
        self._clock = clock

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse | None:
        """Answer a request, or give ``None`` when it is about something else.

        Raises:
            NotFoundError: nothing is measured of what it names.
            MethodNotAllowedError: measurements can only be read, and not watched.

        """
        parts = request.path.split("/")
        if parts[:4] != _ROOT or len(parts) < 5:
            return None
        kind, namespace, name = _named([part for part in parts[4:] if part])
        if request.method not in ("GET", "HEAD") or bodies.parse_bool(request.query, "watch"):
            raise MethodNotAllowedError(
                "the server does not allow this method on the requested resource",
                group=kind.group,
                kind=kind.resource,
            )
        form = forms.parse_form(request.headers.get("Accept", "*/*"), request.query.get("includeObject", ""))
        if form.encoding == "protobuf":
            raise no_protobuf()
        found = list(await self._measured(kind, namespace, name, request.query))
        if not name:
            page = Page(found, self._registry.revision)
            return await list_answer(request, forms.render_list(kind, page, form, self._clock()))
        if not found:
            raise _not_found(kind, f"{namespace}/{name}" if namespace else name)
        shown = forms.render_object(kind, found[0], form, self._clock())
        return object_answer(shown, form.encoding)

    async def _measured(
        self, kind: Kind, namespace: str, name: str, query: Mapping[str, str]
    ) -> Iterator[Object]:
        of = NODE if kind is NODE_METRICS else POD
        selection = parse_selection(of, query.get("labelSelector", ""), query.get("fieldSelector", ""))
        objects = [obj for obj in self._registry.list(of, namespace).items if selection.selects(obj)]
        if name:
            objects = [obj for obj in objects if obj["metadata"]["name"] == name]
        rates = await self._meter.rates()
        render = _node if kind is NODE_METRICS else _pod
        return (measured for obj in objects if (measured := render(obj, rates)) is not None)


def _named(parts: list[str]) -> tuple[Kind, str, str]:
    match parts:
        case ["nodes"]:
            return NODE_METRICS, "", ""
        case ["nodes", name]:
            return NODE_METRICS, "", name
        case ["pods"]:
            return POD_METRICS, "", ""
        case ["namespaces", namespace, "pods"]:
            return POD_METRICS, namespace, ""
        case ["namespaces", namespace, "pods", name]:
            return POD_METRICS, namespace, name
    raise nothing_there()


def _not_found(kind: Kind, name: str) -> NotFoundError:
    what = f'{kind.kind.lower()}.{kind.group} "{name}" not found'
    return NotFoundError(what, group=kind.group, kind=kind.kind.lower(), name=name)


def _node(node: Object, rates: Rates) -> Object | None:
    rate = rates.nodes.get(node["metadata"]["name"])
    return None if rate is None else {**_head(NODE_METRICS, node, rates), "usage": _usage(rate)}


def _pod(pod: Object, rates: Rates) -> Object | None:
    """Tell of the containers that were found running; the pod's order, init containers last."""
    found = rates.pods.get(pod["metadata"]["uid"], {})
    spec = pod["spec"]
    lists = (spec.get(key) or () for key in ("containers", "initContainers", "ephemeralContainers"))
    names = [container["name"] for containers in lists for container in containers]
    measured = [{"name": name, "usage": _usage(found[name])} for name in names if name in found]
    return {**_head(POD_METRICS, pod, rates), "containers": measured} if measured else None


def _head(kind: Kind, obj: Object, rates: Rates) -> Object:
    meta = obj["metadata"]
    moment = format_rfc3339(rates.at_s)
    kept = {key: meta[key] for key in ("name", "namespace", "labels") if meta.get(key)}
    return {
        "kind": kind.kind,
        "apiVersion": kind.api_version,
        "metadata": {**kept, "creationTimestamp": moment},
        "timestamp": moment,
        "window": f"{rates.window_s:.3f}s",
    }


def _usage(rate: Rate) -> dict[str, str]:
    nanos = round(rate.cpus * 1e9)
    return {"cpu": f"{nanos}n" if nanos else "0", "memory": f"{rate.memory_bytes // 1024}Ki"}
