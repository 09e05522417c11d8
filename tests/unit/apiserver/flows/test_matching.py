"""Which flow a request is of."""

from __future__ import annotations

import pytest

from netemu.api.kinds import BY_GVK, FLOW_SCHEMA, PRIORITY_LEVEL_CONFIGURATION
from netemu.apiserver.auth.attributes import Attributes
from netemu.apiserver.auth.user import OWNER, User
from netemu.apiserver.flows.first import first_flows
from netemu.apiserver.flows.matching import Flow, Flows

PODS = Attributes(verb="list", resource="pods", namespace="default")
LEASES = Attributes(
    verb="update", group="coordination.k8s.io", resource="leases", namespace="kube-node-lease"
)
NODES = Attributes(verb="patch", resource="nodes", subresource="status", name="node-1")
ACCOUNT = User(
    name="system:serviceaccount:kube-system:x", groups=("system:serviceaccounts", "system:authenticated")
)
OTHER = User(name="system:serviceaccount:default:x", groups=ACCOUNT.groups)
NODE = User(name="system:node:node-1", groups=("system:nodes", "system:authenticated"))
JANE = User(name="jane", groups=("system:authenticated",))


def kept(*objects):
    flows = Flows()
    for obj in objects:
        *_, version = obj["apiVersion"].split("/")
        kind = BY_GVK["flowcontrol.apiserver.k8s.io", version, obj["kind"]]
        name = obj["metadata"]["name"]
        flows.note(kind, {**obj, "metadata": {"name": name, "uid": f"{obj['kind'][0]}:{name}"}}, None)
    return flows


@pytest.mark.parametrize(
    ("user", "asked", "schema", "level"),
    [
        (OWNER, PODS, "exempt", "exempt"),
        (JANE, PODS, "global-default", "global-default"),
        (JANE, Attributes(verb="get", path="/livez/ping"), "probes", "exempt"),
        (JANE, Attributes(verb="get", path="/version"), "global-default", "global-default"),
        (NODE, PODS, "system-nodes", "system"),
        (NODE, NODES, "system-node-high", "node-high"),
        (NODE, LEASES, "system-node-high", "node-high"),
        (ACCOUNT, LEASES, "system-leader-election", "leader-election"),
        (ACCOUNT, PODS, "kube-system-service-accounts", "workload-high"),
        (OTHER, LEASES, "service-accounts", "workload-low"),
        (User(name="system:kube-scheduler"), PODS, "kube-scheduler", "workload-high"),
    ],
)
def test_requests_are_of_the_flows_that_kubernetes_sorts_them_into(user, asked, schema, level):
    flows = kept(*first_flows())

    assert flows.find(user, asked) == Flow(f"F:{schema}", f"P:{level}")


def test_a_schema_of_ones_own_goes_before_and_away_again():
    flows = kept(*first_flows())
    before = flows.find(JANE, PODS)
    rule = {
        "subjects": [{"kind": "User", "user": {"name": "jane"}}],
        "resourceRules": [
            {"verbs": ["*"], "apiGroups": [""], "resources": ["pods"], "namespaces": ["default"]}
        ],
    }
    spec = {"matchingPrecedence": 5, "priorityLevelConfiguration": {"name": "mine"}, "rules": [rule]}
    schema = {"metadata": {"name": "mine", "uid": "F:mine"}, "spec": spec}
    flows.note(PRIORITY_LEVEL_CONFIGURATION, {"metadata": {"name": "mine", "uid": "P:mine"}}, None)
    flows.note(FLOW_SCHEMA, schema, None)

    assert flows.find(JANE, PODS) == Flow("F:mine", "P:mine")
    assert flows.find(JANE, NODES) == before
    flows.note(FLOW_SCHEMA, None, schema)
    assert flows.find(JANE, PODS) == before


def test_where_there_are_no_schemas_a_request_has_no_flow():
    assert Flows().find(JANE, PODS) == Flow()


def test_what_is_remembered_is_bounded():
    flows = kept(*first_flows())
    for number in range(2000):
        flows.find(JANE, Attributes(verb="get", path=f"/{number}"))

    assert len(flows._known) <= 512
