"""The rules of the kinds that netemu stores and nobody here plans from."""

from __future__ import annotations

import pytest

from netemu.api import kinds
from netemu.api.defaulting import default
from netemu.api.validation import validate

POD_SPEC = {"containers": [{"name": "c", "image": "busybox"}], "restartPolicy": "Never"}


def obj(kind, name: str = "it", **fields):
    meta = {"name": name, "namespace": "default"} if kind.namespaced else {"name": name}
    meta["uid"] = "u-1"
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, **fields}


def said(kind, new, old=None) -> list[str]:
    old = default(kind, old) if old else None
    return [f"{cause.field}: {cause.message}" for cause in validate(kind, default(kind, new), old)]


def job(**spec):
    return {"template": {"spec": POD_SPEC}, **spec}


GOOD = [
    (kinds.JOB, {"spec": job()}),
    (kinds.CRON_JOB, {"spec": {"schedule": "*/5 * * * 1-5", "jobTemplate": {"spec": job()}}}),
    (
        kinds.REPLICATION_CONTROLLER,
        {
            "spec": {
                "template": {
                    "metadata": {"labels": {"a": "b"}},
                    "spec": {"containers": POD_SPEC["containers"]},
                }
            }
        },
    ),
    (kinds.NETWORK_POLICY, {"spec": {"podSelector": {}}}),
    (kinds.SERVICE_CIDR, {"spec": {"cidrs": ["10.96.0.0/16"]}}),
    (kinds.LEASE, {"spec": {"holderIdentity": "me", "leaseDurationSeconds": 15}}),
    (kinds.PRIORITY_CLASS, {"value": 1000}),
    (kinds.POD_DISRUPTION_BUDGET, {"spec": {"minAvailable": "50%"}}),
    (
        kinds.HORIZONTAL_POD_AUTOSCALER,
        {"spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "web"}}},
    ),
    (kinds.ROLE, {"rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]}),
    (
        kinds.ROLE_BINDING,
        {
            "roleRef": {"kind": "Role", "name": "it"},
            "subjects": [{"kind": "User", "name": "ann"}, {"kind": "ServiceAccount", "name": "default"}],
        },
    ),
    (kinds.STORAGE_CLASS, {"provisioner": "example.com/disk"}),
    (
        kinds.PERSISTENT_VOLUME_CLAIM,
        {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}},
    ),
    (kinds.CONTROLLER_REVISION, {"revision": 1, "data": {}}),
]

BAD = [
    (
        kinds.JOB,
        {"spec": {"template": {"spec": {"containers": POD_SPEC["containers"]}}}},
        'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ),
    (
        kinds.JOB,
        {"spec": job(parallelism=-1)},
        "spec.parallelism: Invalid value: -1: must be greater than or equal to 0",
    ),
    (
        kinds.CRON_JOB,
        {"spec": {"schedule": "often", "jobTemplate": {"spec": job()}}},
        'spec.schedule: Invalid value: "often": expected exactly 5 fields, found 1: [often]',
    ),
    (
        kinds.NETWORK_POLICY,
        {"spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 80, "endPort": 79}]}]}},
        "spec.ingress[0].ports[0].endPort: Invalid value: 79: must be greater than or equal to `port`",
    ),
    (
        kinds.NETWORK_POLICY,
        {"spec": {"podSelector": {}, "ingress": [{"from": [{}]}]}},
        "spec.ingress[0].from[0]: Required value: must specify a peer",
    ),
    (
        kinds.NETWORK_POLICY,
        {
            "spec": {
                "podSelector": {},
                "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/8"]}}]}],
            }
        },
        (
            'spec.egress[0].to[0].ipBlock.except[0]: Invalid value: "11.0.0.0/8":'
            " must be a strict subset of `cidr`"
        ),
    ),
    (
        kinds.PRIORITY_CLASS,
        {"value": 2_000_000_000},
        "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
    ),
    (
        kinds.HORIZONTAL_POD_AUTOSCALER,
        {"spec": {"minReplicas": 4, "maxReplicas": 3, "scaleTargetRef": {"kind": "D", "name": "d"}}},
        "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`",
    ),
    (
        kinds.ROLE,
        {"rules": [{"apiGroups": [""], "resources": ["pods"]}]},
        "rules[0].verbs: Required value: verbs must contain at least one value",
    ),
    (
        kinds.CLUSTER_ROLE_BINDING,
        {"roleRef": {"kind": "Role", "name": "it"}},
        'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
    ),
    (
        kinds.LEASE,
        {"spec": {"leaseDurationSeconds": 0}},
        "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
    ),
    (kinds.STORAGE_CLASS, {}, "provisioner: Required value"),
    (
        kinds.PERSISTENT_VOLUME_CLAIM,
        {"spec": {"resources": {"requests": {"storage": "1Gi"}}}},
        "spec.accessModes: Required value: at least 1 access mode is required",
    ),
    (kinds.SERVICE_CIDR, {"spec": {}}, "spec.cidrs: Required value: at least one CIDR required"),
]

CHANGED = [
    (
        kinds.JOB,
        {"spec": job()},
        {"spec": job(completions=2)},
        "spec.completions: Invalid value: 2: field is immutable",
    ),
    (kinds.PRIORITY_CLASS, {"value": 1}, {"value": 2}, "value: Forbidden: may not be changed in an update."),
    (
        kinds.ROLE_BINDING,
        {"roleRef": {"kind": "Role", "name": "a"}},
        {"roleRef": {"kind": "Role", "name": "b"}},
        (
            'roleRef: Invalid value: {"kind":"Role","name":"b","apiGroup":"rbac.authorization.k8s.io"}:'
            " cannot change roleRef"
        ),
    ),
    (
        kinds.STORAGE_CLASS,
        {"provisioner": "a"},
        {"provisioner": "b"},
        "provisioner: Forbidden: updates to provisioner are forbidden.",
    ),
    (
        kinds.SERVICE_CIDR,
        {"spec": {"cidrs": ["10.0.0.0/24"]}},
        {"spec": {"cidrs": ["10.0.1.0/24"]}},
        'spec.cidrs: Invalid value: ["10.0.1.0/24"]: field is immutable',
    ),
]


@pytest.mark.parametrize(("kind", "fields"), GOOD, ids=lambda value: getattr(value, "kind", ""))
def test_small_objects_are_complete_with_their_defaults(kind, fields):
    assert said(kind, obj(kind, **fields)) == []


@pytest.mark.parametrize(("kind", "fields", "words"), BAD)
def test_what_is_wrong_is_said_in_the_words_of_kubernetes(kind, fields, words):
    assert said(kind, obj(kind, **fields)) == [words]


@pytest.mark.parametrize(("kind", "old", "new", "words"), CHANGED)
def test_what_may_not_change_does_not(kind, old, new, words):
    assert said(kind, obj(kind, **new), obj(kind, **old)) == [words]


def test_roles_may_have_colons_in_their_names():
    role = obj(kinds.CLUSTER_ROLE, "system:node", rules=[])

    assert said(kinds.CLUSTER_ROLE, role) == []
    assert said(kinds.CLUSTER_ROLE, obj(kinds.CLUSTER_ROLE, "a/b", rules=[])) == [
        "metadata.name: Invalid value: \"a/b\": may not contain '/'"
    ]


def test_a_jobs_pods_carry_labels_of_their_own():
    made = default(kinds.JOB, obj(kinds.JOB, "pi", spec=job()))

    assert made["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": "u-1"}}
    assert made["spec"]["template"]["metadata"]["labels"] == {
        "batch.kubernetes.io/controller-uid": "u-1",
        "batch.kubernetes.io/job-name": "pi",
        "controller-uid": "u-1",
        "job-name": "pi",
    }
    assert default(kinds.JOB, made) == made


def test_a_policy_without_types_is_about_what_comes_in():
    only_in = default(kinds.NETWORK_POLICY, obj(kinds.NETWORK_POLICY, spec={"podSelector": {}}))
    both = default(kinds.NETWORK_POLICY, obj(kinds.NETWORK_POLICY, spec={"podSelector": {}, "egress": [{}]}))

    assert only_in["spec"]["policyTypes"] == ["Ingress"]
    assert both["spec"]["policyTypes"] == ["Ingress", "Egress"]
