"""The rules of every kind, in Kubernetes' own words and with its field paths.

Source: kubernetes ``pkg/apis/*/validation`` (rules and wording).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from netemu.api.causes import bad_value, not_supported, required
from netemu.api.client import Object
from netemu.api.crd import objects as custom_objects
from netemu.api.crd import rules
from netemu.api.errors import Cause, InvalidError
from netemu.api.kinds import (
    API_SERVICE,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    CRON_JOB,
    CUSTOM_RESOURCE_DEFINITION,
    DAEMON_SET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    ENDPOINTS,
    EVENT,
    HORIZONTAL_POD_AUTOSCALER,
    INGRESS,
    INGRESS_CLASS,
    IP_ADDRESS,
    JOB,
    LEASE,
    MUTATING_ADMISSION_POLICY,
    MUTATING_ADMISSION_POLICY_BINDING,
    MUTATING_WEBHOOK_CONFIGURATION,
    NETWORK_POLICY,
    NODE,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    POD_DISRUPTION_BUDGET,
    PRIORITY_CLASS,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    SERVICE_CIDR,
    STATEFUL_SET,
    STORAGE_CLASS,
    VALIDATING_ADMISSION_POLICY,
    VALIDATING_ADMISSION_POLICY_BINDING,
    VALIDATING_WEBHOOK_CONFIGURATION,
    Kind,
)
from netemu.api.validation import (
    access,
    admission,
    configuration,
    endpoints,
    hooks,
    ingresses,
    jobs,
    pods,
    policies,
    services,
    storage,
    workloads,
)
from netemu.api.validation.meta import check_metadata

__all__ = ["bad_value", "invalid", "not_supported", "required", "validate"]


def validate(kind: Kind, new: Object, old: Object | None = None) -> tuple[Cause, ...]:
    """Give every rule that an object breaks; with ``old``, also what may not change.

    ``new`` must have passed ``netemu.api.schema.check`` and ``netemu.api.defaulting.default``.
    """
    causes = list(check_metadata(kind, new, old))
    if kind.custom is not None:
        return (*causes, *custom_objects.check(kind.custom, new, old))
    check = _CHECKS.get(kind.key)
    if check is not None:
        causes += check(new, old)
    return tuple(causes)


def invalid(kind: Kind, name: str, causes: Iterable[Cause]) -> InvalidError:
    """Make the error of an object that breaks rules, with Kubernetes' message for it."""
    causes = tuple(causes)
    said = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes))
    what = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    qualified = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    return InvalidError(
        f'{qualified} "{name}" is invalid: {what}', group=kind.group, kind=kind.kind, name=name, causes=causes
    )


_CHECKS: dict[str, Callable[[Object, Object | None], Iterator[Cause]]] = {
    POD.key: pods.check_pod,
    SERVICE.key: services.check_service,
    ENDPOINTS.key: endpoints.check_endpoints,
    ENDPOINT_SLICE.key: endpoints.check_endpoint_slice,
    DEPLOYMENT.key: workloads.check_deployment,
    REPLICA_SET.key: workloads.check_replica_set,
    DAEMON_SET.key: workloads.check_daemon_set,
    STATEFUL_SET.key: workloads.check_stateful_set,
    INGRESS.key: ingresses.check_ingress,
    INGRESS_CLASS.key: ingresses.check_ingress_class,
    CONFIG_MAP.key: configuration.check_config_map,
    SECRET.key: configuration.check_secret,
    NODE.key: configuration.check_node,
    EVENT.key: configuration.check_event,
    CUSTOM_RESOURCE_DEFINITION.key: rules.check_definition,
    JOB.key: jobs.check_job,
    CRON_JOB.key: jobs.check_cron_job,
    REPLICATION_CONTROLLER.key: jobs.check_replication_controller,
    CONTROLLER_REVISION.key: jobs.check_controller_revision,
    NETWORK_POLICY.key: policies.check_network_policy,
    SERVICE_CIDR.key: policies.check_service_cidr,
    IP_ADDRESS.key: policies.check_ip_address,
    ROLE.key: access.check_role,
    CLUSTER_ROLE.key: access.check_cluster_role,
    ROLE_BINDING.key: access.check_role_binding,
    CLUSTER_ROLE_BINDING.key: access.check_cluster_role_binding,
    LEASE.key: access.check_lease,
    PRIORITY_CLASS.key: access.check_priority_class,
    POD_DISRUPTION_BUDGET.key: access.check_disruption_budget,
    HORIZONTAL_POD_AUTOSCALER.key: access.check_autoscaler,
    PERSISTENT_VOLUME.key: storage.check_volume,
    PERSISTENT_VOLUME_CLAIM.key: storage.check_claim,
    STORAGE_CLASS.key: storage.check_storage_class,
    API_SERVICE.key: storage.check_api_service,
    MUTATING_WEBHOOK_CONFIGURATION.key: hooks.check_webhooks,
    VALIDATING_WEBHOOK_CONFIGURATION.key: hooks.check_webhooks,
    VALIDATING_ADMISSION_POLICY.key: admission.check_validating,
    VALIDATING_ADMISSION_POLICY_BINDING.key: admission.check_validating_binding,
    MUTATING_ADMISSION_POLICY.key: admission.check_mutating,
    MUTATING_ADMISSION_POLICY_BINDING.key: admission.check_mutating_binding,
}
