"""The objects that every cluster begins with, as ``kubeadm`` leaves them. Pure but for ``ensure``."""

from __future__ import annotations

from contextlib import suppress

from netemu.api.claims import DEFAULT_CLASS, LOCAL_PROVISIONER
from netemu.api.client import Client, Object
from netemu.api.defaulting.pods import SYSTEM_PRIORITIES
from netemu.api.errors import AlreadyExistsError
from netemu.api.kinds import API_SERVICE, BY_GVK, Kind
from netemu.apiserver.auth.policy import first_roles
from netemu.apiserver.flows.first import first_flows
from netemu.cluster.api_address import API_PORT, api_address
from netemu.settings import Settings

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
DNS_IMAGE = "coredns/coredns:1.12.4"
DNS_LABELS = {"k8s-app": "kube-dns"}


def first_objects(settings: Settings) -> list[Object]:
    """Give the objects to create, in order."""
    return [
        *first_roles(),
        *({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in NAMESPACES),
        *(_priority_class(name, value) for name, value in SYSTEM_PRIORITIES.items()),
        _service_cidr(settings),
        _kubernetes_service(settings),
        _kubernetes_endpoints(settings),
        _kubernetes_slice(settings),
        _dns_service(settings),
        _dns_service_account(),
        _dns_deployment(),
        _metrics_api(),
        *first_flows(),
        _storage_class(),
    ]


async def ensure(client: Client, settings: Settings) -> None:
    """Create what is missing; what is there stays as its owner left it."""
    for obj in first_objects(settings):
        kind = kind_of(obj)
        with suppress(AlreadyExistsError):
            made = await client.create(kind, obj)
            if kind is API_SERVICE:  # nobody else would say that it is available
                await client.update(kind, {**made, "status": obj["status"]}, subresource="status")


def kind_of(obj: Object) -> Kind:
    """Find the kind of an object of ours."""
    group, _, version = obj["apiVersion"].rpartition("/")
    return BY_GVK[group, version, obj["kind"]]


def _service_cidr(settings: Settings) -> Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": "kubernetes"},
        "spec": {"cidrs": list(settings.service_cidr)},
    }


def _priority_class(name: str, value: int) -> Object:
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": value,
        "description": "Used for system critical pods that must not be moved from their current node."
        if name == "system-node-critical"
        else "Used for system critical pods that must run in the cluster, but can be moved to another node"
        " if necessary.",
    }


def _kubernetes_service(settings: Settings) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": str(settings.services[1]),
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": API_PORT}],
        },
    }


def _kubernetes_endpoints(settings: Settings) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
        },
        "subsets": [
            {
                "addresses": [{"ip": str(api_address(settings).ip)}],
                "ports": [{"name": "https", "port": API_PORT, "protocol": "TCP"}],
            }
        ],
    }


def _kubernetes_slice(settings: Settings) -> Object:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": f"IPv{settings.hosts.version}",
        "endpoints": [{"addresses": [str(api_address(settings).ip)], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": API_PORT, "protocol": "TCP"}],
    }


def _dns_service(settings: Settings) -> Object:
    dns_ips = [str(services[10]) for services in settings.service_ranges]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "kube-dns",
            "namespace": "kube-system",
            "labels": {
                **DNS_LABELS,
                "kubernetes.io/cluster-service": "true",
                "kubernetes.io/name": "CoreDNS",
            },
        },
        "spec": {
            "selector": DNS_LABELS,
            "clusterIP": dns_ips[0],
            "clusterIPs": dns_ips,
            **({"ipFamilyPolicy": "PreferDualStack"} if len(dns_ips) > 1 else {}),
            "ports": [
                {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
                {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
            ],
        },
    }


def _dns_service_account() -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "coredns", "namespace": "kube-system"},
    }


def _metrics_api() -> Object:
    """Say that measurements are served: by the API server itself, so by no Service."""
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {
            "name": "v1beta1.metrics.k8s.io",
            "labels": {"kube-aggregator.kubernetes.io/automanaged": "onstart"},
        },
        "spec": {
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
        },
        "status": {
            "conditions": [
                {
                    "type": "Available",
                    "status": "True",
                    "reason": "Local",
                    "message": "Local APIServices are always available",
                }
            ]
        },
    }


def _storage_class() -> Object:
    """Give the class that claims have by default, as kind and k3s have it."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "standard", "annotations": {DEFAULT_CLASS: "true"}},
        "provisioner": LOCAL_PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def _dns_deployment() -> Object:
    container = {
        "name": "coredns",
        "image": DNS_IMAGE,
        "ports": [
            {"name": "dns", "containerPort": 53, "protocol": "UDP"},
            {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
        ],
        "readinessProbe": {
            "httpGet": {"path": "/ready", "port": 8181},
            "periodSeconds": 1,
            "timeoutSeconds": 1,
        },
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "coredns", "namespace": "kube-system", "labels": DNS_LABELS},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": DNS_LABELS},
            "template": {
                "metadata": {"labels": DNS_LABELS},
                "spec": {
                    "serviceAccountName": "coredns",
                    "dnsPolicy": "Default",
                    "containers": [container],
                    "priorityClassName": "system-cluster-critical",
                    "affinity": _apart(DNS_LABELS),
                    "tolerations": [
                        {"key": "CriticalAddonsOnly", "operator": "Exists"},
                        {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"},
                    ],
                },
            },
        },
    }


def _apart(labels: dict[str, str]) -> Object:
    """Give the wish of pods to be on different nodes."""
    term = {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}
    wishes = [{"weight": 100, "podAffinityTerm": term}]
    return {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": wishes}}
