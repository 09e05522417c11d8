"""Which layout a kind has, and what else it needs to see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netemu.api.kinds import (
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    EVENT,
    NODE,
    POD,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    SECRET,
    SERVICE,
    STATEFUL_SET,
    Kind,
)
from netemu.cli.describe.configuration import write_config_map, write_secret
from netemu.cli.describe.generic import write_generic
from netemu.cli.describe.head import Object, write_events
from netemu.cli.describe.nodes import write_node
from netemu.cli.describe.pods import write_pod
from netemu.cli.describe.services import write_endpoint_slice, write_service
from netemu.cli.describe.sheet import Sheet
from netemu.cli.describe.workloads import write_workload
from netemu.cli.resources import Query

Related = Mapping[Kind, Sequence[Object]]

_WORKLOADS = (DEPLOYMENT, REPLICA_SET, REPLICATION_CONTROLLER, STATEFUL_SET, DAEMON_SET)


def needs(kind: Kind, obj: Object) -> tuple[Query, ...]:
    """Say what to list before ``render_page``."""
    meta = obj["metadata"]
    name, namespace = meta["name"], meta.get("namespace", "")
    about_it = f"involvedObject.name={name},involvedObject.kind={kind.kind}"
    events = Query(kind=EVENT, namespace=namespace, field_selector=about_it)
    if kind is NODE:
        return (events, Query(kind=POD, field_selector=f"spec.nodeName={name}"))
    if kind is SERVICE:
        label = f"kubernetes.io/service-name={name}"
        return (events, Query(kind=ENDPOINT_SLICE, namespace=namespace, label_selector=label))
    if kind is DEPLOYMENT:
        return (events, Query(kind=REPLICA_SET, namespace=namespace))
    return (events,)


def render_page(kind: Kind, obj: Object, related: Related, *, now_s: float) -> str:
    """Describe one object."""
    sheet = Sheet()
    if kind is POD:
        write_pod(sheet, obj)
    elif kind is SERVICE:
        write_service(sheet, obj, related.get(ENDPOINT_SLICE, ()))
    elif kind is CONFIG_MAP:
        write_config_map(sheet, obj)
    elif kind is SECRET:
        write_secret(sheet, obj)
        return sheet.render()
    elif kind is ENDPOINT_SLICE:
        write_endpoint_slice(sheet, obj)
    elif kind is NODE:
        write_node(sheet, obj, related.get(POD, ()), now_s)
    elif kind in _WORKLOADS:
        write_workload(sheet, kind, obj, related.get(REPLICA_SET, ()))
    else:
        write_generic(sheet, obj)
    write_events(sheet, _own_events(obj, related.get(EVENT, ())), now_s)
    return sheet.render()


def _own_events(obj: Object, events: Sequence[Object]) -> list[Object]:
    """Leave out those of an earlier object of the same name; a node's may carry its name as UID."""
    meta = obj["metadata"]
    own = {None, "", meta.get("uid"), meta["name"]}
    return [event for event in events if (event.get("involvedObject") or {}).get("uid") in own]
