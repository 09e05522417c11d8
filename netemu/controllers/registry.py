"""All controllers, and the kinds that an informer must follow for them."""

from __future__ import annotations

from netemu.api.kinds import INGRESS_CLASS, Kind
from netemu.controllers import (
    claims,
    cronjobs,
    daemonsets,
    deployments,
    disruptions,
    endpoints,
    endpointslices,
    garbage,
    inuse,
    jobs,
    mirroring,
    namespaces,
    provisioning,
    replicasets,
    servicecidrs,
    statefulsets,
    tainteviction,
    unserved,
    volumes,
)
from netemu.controllers.reconciler import Reconciler

RECONCILERS: tuple[Reconciler, ...] = (
    deployments.RECONCILER,
    replicasets.RECONCILER,
    replicasets.REPLICATION_RECONCILER,
    statefulsets.RECONCILER,
    daemonsets.RECONCILER,
    jobs.RECONCILER,
    jobs.ORPHANS,
    cronjobs.RECONCILER,
    endpointslices.RECONCILER,
    endpoints.RECONCILER,
    mirroring.RECONCILER,
    namespaces.SERVICE_ACCOUNT_RECONCILER,
    servicecidrs.RECONCILER,
    garbage.POD_RECONCILER,
    tainteviction.RECONCILER,
    claims.RECONCILER,
    volumes.RECONCILER,
    provisioning.RECONCILER,
    inuse.CLAIMS,
    inuse.VOLUMES,
    inuse.EPHEMERAL,
    disruptions.RECONCILER,
    unserved.INGRESS_RECONCILER,
)

FOLLOWED: frozenset[Kind] = frozenset(kind for reconciler in RECONCILERS for kind in reconciler.triggers) | {
    INGRESS_CLASS
}
