"""Which layout a kind has, and what else it needs to see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from netemu.api.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    EVENT,
    INGRESS,
    JOB,
    NETWORK_POLICY,
    NODE,
    POD,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    Kind,
)
from netemu.cli.describe.access import write_binding, write_role, write_service_account
from netemu.cli.describe.configuration import write_config_map, write_secret
from netemu.cli.describe.generic import write_generic
from netemu.cli.describe.head import Object, write_events
from netemu.cli.describe.jobs import write_cron_job, write_job
from netemu.cli.describe.networks import write_ingress, write_network_policy
from netemu.cli.describe.nodes import write_node
from netemu.cli.describe.pods import write_pod
from netemu.cli.describe.services import write_endpoint_slice, write_service
from netemu.cli.describe.sheet import Sheet
from netemu.cli.describe.workloads import write_workload
from netemu.cli.resources import Query

Related = Mapping[Kind, Sequence[Object]]

_WORKLOADS = (DEPLOYMENT, REPLICA_SET, REPLICATION_CONTROLLER, STATEFUL_SET, DAEMON_SET)


_ALONE: Mapping[Kind, Callable[[Sheet, Object], None]] = {
    POD: write_pod,
    CONFIG_MAP: write_config_map,
    SECRET: write_secret,
    ENDPOINT_SLICE: write_endpoint_slice,
    JOB: write_job,
    CRON_JOB: write_cron_job,
    NETWORK_POLICY: write_network_policy,
    SERVICE_ACCOUNT: write_service_account,
    ROLE: write_role,
    CLUSTER_ROLE: write_role,
    ROLE_BINDING: write_binding,
    CLUSTER_ROLE_BINDING: write_binding,
}
WITHOUT_EVENTS = (SECRET, NETWORK_POLICY, ROLE, CLUSTER_ROLE, ROLE_BINDING, CLUSTER_ROLE_BINDING)
"""Kinds whose descriptions end without events, as kubectl's do."""


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
    if kind is INGRESS:
        return (events, *(Query(kind=each, namespace=namespace) for each in (SERVICE, ENDPOINT_SLICE)))
    if kind in WITHOUT_EVENTS:
        return ()
    return (events,)


def render_page(kind: Kind, obj: Object, related: Related, *, now_s: float) -> str:
    """Describe one object."""
    sheet = Sheet()
    if kind in _ALONE:
        _ALONE[kind](sheet, obj)
    elif kind is SERVICE:
        write_service(sheet, obj, related.get(ENDPOINT_SLICE, ()))
    elif kind is INGRESS:
        write_ingress(sheet, obj, related.get(SERVICE, ()), related.get(ENDPOINT_SLICE, ()))
    elif kind is NODE:
        write_node(sheet, obj, related.get(POD, ()), now_s)
    elif kind in _WORKLOADS:
        write_workload(sheet, kind, obj, related.get(REPLICA_SET, ()))
    else:
        write_generic(sheet, obj)
    if kind not in WITHOUT_EVENTS:
        write_events(sheet, _own_events(obj, related.get(EVENT, ())), now_s)
    return sheet.render()


def _own_events(obj: Object, events: Sequence[Object]) -> list[Object]:
    """Leave out those of an earlier object of the same name; a node's may carry its name as UID."""
    meta = obj["metadata"]
    own = {None, "", meta.get("uid"), meta["name"]}
    return [event for event in events if (event.get("involvedObject") or {}).get("uid") in own]
