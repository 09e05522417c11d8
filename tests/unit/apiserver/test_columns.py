"""What ``kubectl get`` prints of the kinds that are stored only."""

from __future__ import annotations

import pytest

from netemu.api import kinds
from netemu.apiserver.tables import table

NOW_S = 1_700_000_300.0
META = {"name": "it", "namespace": "default", "creationTimestamp": "2023-11-14T22:13:20Z"}
TEMPLATE = {"spec": {"containers": [{"name": "c", "image": "busybox"}]}}

ROWS = [
    pytest.param(
        kinds.JOB,
        {
            "spec": {
                "completions": 2,
                "parallelism": 1,
                "template": TEMPLATE,
                "selector": {"matchLabels": {"a": "b"}},
            },
            "status": {"succeeded": 1, "startTime": "2023-11-14T22:17:20Z"},
        },
        "NAME=it STATUS=Running COMPLETIONS=1/2 DURATION=60s AGE=5m CONTAINERS=c IMAGES=busybox SELECTOR=a=b",
        id="job",
    ),
    pytest.param(
        kinds.CRON_JOB,
        {"spec": {"schedule": "@daily", "jobTemplate": {"spec": {"template": TEMPLATE}}}},
        "NAME=it SCHEDULE=@daily TIMEZONE=<none> SUSPEND=False ACTIVE=0 LAST_SCHEDULE=<none> AGE=5m"
        " CONTAINERS=c IMAGES=busybox SELECTOR=<none>",
        id="cronjob",
    ),
    pytest.param(
        kinds.NETWORK_POLICY,
        {"spec": {"podSelector": {"matchLabels": {"app": "web"}}}},
        "NAME=it POD-SELECTOR=app=web AGE=5m",
        id="networkpolicy",
    ),
    pytest.param(
        kinds.CERTIFICATE_SIGNING_REQUEST,
        {
            "spec": {"signerName": "example.com/s", "username": "jane", "expirationSeconds": 3600},
            "status": {"conditions": [{"type": "Approved", "status": "True"}], "certificate": "eA=="},
        },
        "NAME=it AGE=5m SIGNERNAME=example.com/s REQUESTOR=jane REQUESTEDDURATION=60m"
        " CONDITION=Approved,Issued",
        id="signing-request",
    ),
    pytest.param(
        kinds.FLOW_SCHEMA,
        {"spec": {"priorityLevelConfiguration": {"name": "exempt"}, "matchingPrecedence": 1}},
        "NAME=it PRIORITYLEVEL=exempt MATCHINGPRECEDENCE=1 DISTINGUISHERMETHOD=<none> AGE=5m MISSINGPL=?",
        id="flowschema",
    ),
    pytest.param(
        kinds.PRIORITY_LEVEL_CONFIGURATION,
        {
            "spec": {
                "type": "Limited",
                "limited": {
                    "nominalConcurrencyShares": 20,
                    "limitResponse": {"queuing": {"queues": 64, "handSize": 6, "queueLengthLimit": 50}},
                },
            }
        },
        "NAME=it TYPE=Limited NOMINALCONCURRENCYSHARES=20 QUEUES=64 HANDSIZE=6 QUEUELENGTHLIMIT=50 AGE=5m",
        id="prioritylevel",
    ),
    pytest.param(kinds.RUNTIME_CLASS, {"handler": "runc"}, "NAME=it HANDLER=runc AGE=5m", id="runtimeclass"),
    pytest.param(
        kinds.CSI_DRIVER,
        {"spec": {"attachRequired": True, "volumeLifecycleModes": ["Persistent", "Ephemeral"]}},
        "NAME=it ATTACHREQUIRED=True PODINFOONMOUNT=False STORAGECAPACITY=False TOKENREQUESTS=<unset>"
        " REQUIRESREPUBLISH=False MODES=Persistent,Ephemeral AGE=5m",
        id="csidriver",
    ),
    pytest.param(kinds.CSI_NODE, {"spec": {"drivers": [{}]}}, "NAME=it DRIVERS=1 AGE=5m", id="csinode"),
    pytest.param(
        kinds.CSI_STORAGE_CAPACITY,
        {"storageClassName": "fast", "capacity": "1Gi"},
        "NAME=it STORAGECLASSNAME=fast CAPACITY=1Gi",
        id="csistoragecapacity",
    ),
    pytest.param(
        kinds.VOLUME_ATTACHMENT,
        {"spec": {"attacher": "a", "nodeName": "n", "source": {"persistentVolumeName": "v"}}},
        "NAME=it ATTACHER=a PV=v NODE=n ATTACHED=False AGE=5m",
        id="volumeattachment",
    ),
    pytest.param(
        kinds.VALIDATING_ADMISSION_POLICY,
        {"spec": {"validations": [{}, {}], "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}},
        "NAME=it VALIDATIONS=2 PARAMKIND=v1/ConfigMap AGE=5m",
        id="policy",
    ),
    pytest.param(
        kinds.VALIDATING_ADMISSION_POLICY_BINDING,
        {"spec": {"policyName": "p", "paramRef": {"name": "limits", "namespace": "shop"}}},
        "NAME=it POLICYNAME=p PARAMREF=shop/limits AGE=5m",
        id="policy-binding",
    ),
    pytest.param(
        kinds.MUTATING_ADMISSION_POLICY,
        {"spec": {"mutations": [{}]}},
        "NAME=it MUTATIONS=1 PARAMKIND=<unset> AGE=5m",
        id="mutating-policy",
    ),
    pytest.param(
        kinds.MUTATING_ADMISSION_POLICY_BINDING,
        {"spec": {"policyName": "p"}},
        "NAME=it POLICYNAME=p PARAMREF=<unset> AGE=5m",
        id="mutating-policy-binding",
    ),
    pytest.param(
        kinds.IP_ADDRESS,
        {"spec": {"parentRef": {"group": "", "resource": "services", "namespace": "default", "name": "web"}}},
        "NAME=it PARENTREF=services/default/web AGE=5m",
        id="ipaddress",
    ),
    pytest.param(
        kinds.POD_DISRUPTION_BUDGET,
        {"spec": {"minAvailable": 1}, "status": {"disruptionsAllowed": 2}},
        "NAME=it MIN_AVAILABLE=1 MAX_UNAVAILABLE=N/A ALLOWED_DISRUPTIONS=2 AGE=5m",
        id="pdb",
    ),
    pytest.param(
        kinds.HORIZONTAL_POD_AUTOSCALER,
        {
            "spec": {
                "scaleTargetRef": {"kind": "Deployment", "name": "web"},
                "minReplicas": 1,
                "maxReplicas": 5,
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {
                            "name": "cpu",
                            "target": {"type": "Utilization", "averageUtilization": 80},
                        },
                    }
                ],
            }
        },
        "NAME=it REFERENCE=Deployment/web TARGETS=cpu: <unknown>/80% MINPODS=1 MAXPODS=5 REPLICAS=0 AGE=5m",
        id="hpa",
    ),
    pytest.param(
        kinds.ROLE_BINDING,
        {
            "roleRef": {"kind": "Role", "name": "reader"},
            "subjects": [
                {"kind": "User", "name": "ann"},
                {"kind": "ServiceAccount", "name": "sa", "namespace": "kube-system"},
            ],
        },
        "NAME=it ROLE=Role/reader AGE=5m USERS=ann GROUPS= SERVICEACCOUNTS=kube-system/sa",
        id="rolebinding",
    ),
    pytest.param(
        kinds.STORAGE_CLASS,
        {
            "metadata": {**META, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
            "provisioner": "example.com/disk",
            "reclaimPolicy": "Delete",
            "volumeBindingMode": "Immediate",
        },
        "NAME=it (default) PROVISIONER=example.com/disk RECLAIMPOLICY=Delete VOLUMEBINDINGMODE=Immediate"
        " ALLOWVOLUMEEXPANSION=False AGE=5m",
        id="storageclass",
    ),
    pytest.param(
        kinds.CONTROLLER_REVISION,
        {
            "metadata": {
                **META,
                "ownerReferences": [
                    {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "controller": True}
                ],
            },
            "revision": 3,
        },
        "NAME=it CONTROLLER=statefulset.apps/db REVISION=3 AGE=5m",
        id="controllerrevision",
    ),
    pytest.param(kinds.CUSTOM_RESOURCE_DEFINITION, {}, "NAME=it CREATED_AT=2023-11-14T22:13:20Z", id="crd"),
    pytest.param(
        kinds.EVENTS_EVENT,
        {"type": "Normal", "reason": "Made", "note": "it is", "regarding": {"kind": "Pod", "name": "web"}},
        "LAST_SEEN=<unknown> TYPE=Normal REASON=Made OBJECT=pod/web SUBOBJECT= SOURCE= MESSAGE=it is"
        " FIRST_SEEN=<unknown> COUNT=1 NAME=it",
        id="event",
    ),
]


@pytest.mark.parametrize(("kind", "fields", "expected"), ROWS)
def test_rows_are_kubectls(kind, fields, expected):
    made = table(kind, [{"metadata": META, **fields}], NOW_S, "None")

    names = [column["name"].upper().replace(" ", "_") for column in made["columnDefinitions"]]
    cells = made["rows"][0]["cells"]
    assert " ".join(f"{name}={cell}" for name, cell in zip(names, cells, strict=True)) == expected
