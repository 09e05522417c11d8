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
