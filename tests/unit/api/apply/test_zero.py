"""Which structures are members of the fields that a writer set; examples as Kubernetes shows them."""

from __future__ import annotations

from netemu.api.apply import Writer, created_fields, updated_fields
from netemu.api.crd.version import CustomVersion
from netemu.api.defaulting import default
from netemu.api.kinds import CRON_JOB, DEPLOYMENT, NODE, Kind

WRITER = Writer("kubectl-create", "", "2024-01-01T00:00:00Z")
CONTAINER = {"name": "nginx", "image": "nginx"}
TEMPLATE = {"metadata": {"labels": {"app": "nginx"}}, "spec": {"containers": [CONTAINER]}}
ITSELF = {".": {}}


def fields_of(kind, obj):
    (entry,) = created_fields(kind, {"metadata": {"name": "x"}, **obj}, WRITER)
    return entry["fieldsV1"]


def test_a_deployment_has_the_fields_that_kubectl_create_sets():
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "nginx"}}, "template": TEMPLATE}
    fields = fields_of(DEPLOYMENT, default(DEPLOYMENT, {"metadata": {"name": "x"}, "spec": spec}))

    assert fields["f:spec"] == {
        "f:progressDeadlineSeconds": {},
        "f:replicas": {},
        "f:revisionHistoryLimit": {},
        "f:selector": {},
        "f:strategy": {
            "f:rollingUpdate": {**ITSELF, "f:maxSurge": {}, "f:maxUnavailable": {}},
            "f:type": {},
        },
        "f:template": {
            "f:metadata": {"f:labels": {**ITSELF, "f:app": {}}},
            "f:spec": {
                "f:containers": {
                    'k:{"name":"nginx"}': {
                        **ITSELF,
                        "f:image": {},
                        "f:imagePullPolicy": {},
                        "f:name": {},
                        "f:resources": {},
                        "f:terminationMessagePath": {},
                        "f:terminationMessagePolicy": {},
                    }
                },
                "f:dnsPolicy": {},
                "f:restartPolicy": {},
                "f:schedulerName": {},
                "f:securityContext": {},
                "f:terminationGracePeriodSeconds": {},
            },
        },
    }


def test_what_pointers_lead_to_is_a_member_at_every_depth():
    probe = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 10}
    resources = {"limits": {"cpu": "1"}}
    container = {**CONTAINER, "livenessProbe": probe, "resources": resources}
    job = {"spec": {"template": {"spec": {"containers": [container]}}}}

    template = fields_of(CRON_JOB, {"spec": {"schedule": "* * * * *", "jobTemplate": job}})["f:spec"]
    pod = template["f:jobTemplate"]["f:spec"]["f:template"]["f:spec"]

    assert pod["f:containers"]['k:{"name":"nginx"}'] == {
        **ITSELF,
        "f:name": {},
        "f:image": {},
        "f:livenessProbe": {
            **ITSELF,
            "f:httpGet": {**ITSELF, "f:path": {}, "f:port": {}},
            "f:periodSeconds": {},
        },
        "f:resources": {**ITSELF, "f:limits": {**ITSELF, "f:cpu": {}}},
    }


def test_custom_objects_begin_with_nothing_but_metadata():
    kind = Kind(
        group="example.com",
        version="v1",
        kind="Widget",
        resource="widgets",
        singular="widget",
        custom=CustomVersion(definition="widgets.example.com", list_kind="WidgetList"),
    )
    obj = {"metadata": {"name": "x", "labels": {"a": "b"}}, "spec": {"deep": {"size": 1}}}

    assert fields_of(kind, obj) == {
        "f:metadata": {"f:labels": {**ITSELF, "f:a": {}}},
        "f:spec": {**ITSELF, "f:deep": {**ITSELF, "f:size": {}}},
    }


def test_an_update_adds_what_it_brings_along():
    old = {"metadata": {"name": "x"}, "spec": {}, "status": {}}
    new = {**old, "status": {"nodeInfo": {"architecture": "arm64"}, "config": {"error": "none"}}}
    (entry,) = updated_fields(NODE, old, new, Writer("kubelet", "status", "2024-01-01T00:00:00Z"))

    assert entry["fieldsV1"]["f:status"] == {
        "f:config": {**ITSELF, "f:error": {}},
        "f:nodeInfo": {"f:architecture": {}},
    }
