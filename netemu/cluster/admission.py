"""All that new objects go through before they are stored, in kube-apiserver's order."""

from __future__ import annotations

from netemu.api.kinds import INGRESS_CLASS, LIMIT_RANGE, PRIORITY_CLASS, STORAGE_CLASS
from netemu.apiserver.admission import TokenAdmission
from netemu.apiserver.ingressadmission import IngressAdmission
from netemu.apiserver.limitranges import LimitRangeAdmission
from netemu.apiserver.podadmission import PodAdmission, in_turn
from netemu.apiserver.registry import Admission, Registry
from netemu.apiserver.runtimeclasses import admit_runtime_class
from netemu.apiserver.storageadmission import StorageAdmission
from netemu.apiserver.topologylabels import admit_topology
from netemu.clock import Clock
from netemu.settings import Settings
from netemu.store.store import Store


def admitting_registry(store: Store, settings: Settings, clock: Clock) -> Registry:
    """Make the registry of a cluster, with its admission."""
    admit: Admission = in_turn(
        LimitRangeAdmission(lambda namespace: registry.list(LIMIT_RANGE, namespace).items),
        TokenAdmission(),
        PodAdmission(settings, lambda: registry.list(PRIORITY_CLASS).items),
        admit_runtime_class,
        admit_topology,
        IngressAdmission(lambda: registry.list(INGRESS_CLASS).items),
        StorageAdmission(lambda: registry.list(STORAGE_CLASS).items),
    )
    registry = Registry(store, settings, clock, admit=admit)
    return registry
