"""Deployments, ReplicaSets, DaemonSets and StatefulSets."""

import pytest

from netemu.api.kinds import DAEMON_SET, DEPLOYMENT, REPLICA_SET, STATEFUL_SET

KINDS = pytest.mark.parametrize(
    "kind", [DEPLOYMENT, REPLICA_SET, DAEMON_SET, STATEFUL_SET], ids=lambda k: k.kind
)


def workload(app="web", **spec):
    return {
        "spec": {
            "selector": {"matchLabels": {"app": app}},
            "template": {
                "metadata": {"labels": {"app": app}},
                "spec": {"containers": [{"name": "c", "image": "httpd"}]},
            },
            **spec,
        }
    }


def template(**spec):
    return {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "x"}], **spec},
    }


@KINDS
def test_a_workload_that_selects_its_pods_is_valid(broken, kind):
    assert broken(kind, workload()) == []


@KINDS
def test_the_selector_must_match_the_template(broken, kind):
    obj = workload(selector={"matchLabels": {"app": "db"}})

    assert broken(kind, obj) == [
        (
            "spec.template.metadata.labels",
            'Invalid value: {"app":"web"}: `selector` does not match template `labels`',
        )
    ]


@KINDS
def test_an_empty_selector_is_refused(broken, kind):
    assert broken(kind, workload(selector={})) == [
        ("spec.selector", f"Invalid value: {{}}: empty selector is invalid for {kind.singular}")
    ]


@KINDS
def test_a_workload_without_a_selector_is_refused(broken, kind):
    assert broken(kind, workload(selector=None)) == [("spec.selector", "Required value")]


@KINDS
def test_the_pods_of_a_workload_are_checked_and_always_restarted(broken, kind):
    obj = workload(template=template(restartPolicy="Never", containers=[{"name": "c"}]))

    assert broken(kind, obj) == [
        ("spec.template.spec.containers[0].image", "Required value"),
        ("spec.template.spec.restartPolicy", 'Unsupported value: "Never": supported values: "Always"'),
    ]


@KINDS
def test_a_workload_without_a_template_lacks_containers(broken, kind):
    assert ("spec.template.spec.containers", "Required value") in broken(kind, workload(template={}))


@pytest.mark.parametrize("kind", [DEPLOYMENT, REPLICA_SET, DAEMON_SET], ids=lambda k: k.kind)
def test_the_selector_stays(broken, kind):
    assert broken(kind, workload("db"), workload("web")) == [
        ("spec.selector", 'Invalid value: {"matchLabels":{"app":"db"}}: field is immutable')
    ]


@pytest.mark.parametrize(
    ("kind", "spec", "field", "words"),
    [
        pytest.param(
            DEPLOYMENT,
            {"replicas": -1},
            "replicas",
            "Invalid value: -1: must be greater than or equal to 0",
            id="replicas",
        ),
        pytest.param(
            DEPLOYMENT,
            {"minReadySeconds": 600},
            "progressDeadlineSeconds",
            "Invalid value: 600: must be greater than minReadySeconds",
            id="deadline",
        ),
        pytest.param(
            DEPLOYMENT,
            {"strategy": {"type": "Rolling"}},
            "strategy.type",
            'Unsupported value: "Rolling": supported values: "Recreate", "RollingUpdate"',
            id="strategy",
        ),
        pytest.param(
            DEPLOYMENT,
            {"strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}},
            "strategy.rollingUpdate",
            "Forbidden: may not be specified when strategy `type` is 'Recreate'",
            id="recreate",
        ),
        pytest.param(
            DEPLOYMENT,
            {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}},
            "strategy.rollingUpdate.maxUnavailable",
            'Invalid value: "0%": may not be 0 when `maxSurge` is 0',
            id="no-room",
        ),
        pytest.param(
            DEPLOYMENT,
            {"strategy": {"rollingUpdate": {"maxUnavailable": "101%"}}},
            "strategy.rollingUpdate.maxUnavailable",
            'Invalid value: "101%": must not be greater than 100%',
            id="more-than-all",
        ),
        pytest.param(
            DEPLOYMENT,
            {"strategy": {"rollingUpdate": {"maxSurge": "many"}}},
            "strategy.rollingUpdate.maxSurge",
            'Invalid value: "many": a valid percent string must be a numeric string followed by an ',
            id="percent",
        ),
        pytest.param(
            DEPLOYMENT,
            {"selector": {"matchExpressions": [{"key": "app", "operator": "Is", "values": ["web"]}]}},
            "selector.matchExpressions[0].operator",
            'Invalid value: "Is": not a valid selector operator',
            id="operator",
        ),
        pytest.param(
            DEPLOYMENT,
            {"selector": {"matchExpressions": [{"key": "app", "operator": "In"}]}},
            "selector.matchExpressions[0].values",
            "Required value: must be specified when `operator` is 'In' or 'NotIn'",
            id="no-values",
        ),
        pytest.param(
            DEPLOYMENT,
            {"selector": {"matchExpressions": [{"key": "app", "operator": "Exists", "values": ["web"]}]}},
            "selector.matchExpressions[0].values",
            "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            id="values",
        ),
        pytest.param(
            DAEMON_SET,
            {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 0}}},
            "updateStrategy.rollingUpdate.maxUnavailable",
            "Required value: cannot be 0 when maxSurge is 0",
            id="daemon-set-no-room",
        ),
        pytest.param(
            DAEMON_SET,
            {"updateStrategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}},
            "updateStrategy.rollingUpdate.maxSurge",
            "Invalid value: 1: may not be set when maxUnavailable is non-zero",
            id="daemon-set-both",
        ),
        pytest.param(
            STATEFUL_SET,
            {"podManagementPolicy": "Any"},
            "podManagementPolicy",
            'Unsupported value: "Any": supported values: "OrderedReady", "Parallel"',
            id="management",
        ),
        pytest.param(
            STATEFUL_SET,
            {"persistentVolumeClaimRetentionPolicy": {"whenScaled": "Keep"}},
            "persistentVolumeClaimRetentionPolicy.whenScaled",
            'Unsupported value: "Keep": supported values: "Delete", "Retain"',
            id="retention",
        ),
        pytest.param(
            STATEFUL_SET,
            {"updateStrategy": {"rollingUpdate": {"partition": -1}}},
            "updateStrategy.rollingUpdate.partition",
            "Invalid value: -1: must be greater than or equal to 0",
            id="partition",
        ),
        pytest.param(
            DEPLOYMENT,
            {"template": template(activeDeadlineSeconds=5)},
            "template.spec.activeDeadlineSeconds",
            "Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported",
            id="deadline-of-a-pod",
        ),
    ],
)
def test_a_workload_that_breaks_a_rule_is_named(broken, kind, spec, field, words):
    ((found, message),) = broken(kind, workload(**spec))

    assert found == f"spec.{field}"
    assert message.startswith(words)


def test_a_template_on_the_nodes_network_needs_no_host_ports(broken):
    spec = {
        "hostNetwork": True,
        "containers": [{"name": "c", "image": "x", "ports": [{"containerPort": 80}]}],
    }

    assert broken(DEPLOYMENT, workload(template=template(**spec))) == []


def test_only_some_of_a_stateful_set_may_change(broken):
    assert broken(STATEFUL_SET, workload(replicas=3, template=template()), workload(replicas=1)) == []
    ((field, message),) = broken(STATEFUL_SET, workload(serviceName="b"), workload(serviceName="a"))

    assert field == "spec"
    assert message == (
        "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', "
        "'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' "
        "and 'minReadySeconds' are forbidden"
    )
