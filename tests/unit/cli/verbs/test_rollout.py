"""``rollout`` against the API: the revisions are written by hand, as controllers would."""

import asyncio

import pytest

from netemu.api.errors import NotFoundError
from netemu.api.kinds import CONTROLLER_REVISION, DAEMON_SET, DEPLOYMENT, POD, REPLICA_SET, STATEFUL_SET
from netemu.cli.resources import Scope, Selection, UsageError, parse_selections
from netemu.cli.rollouts import progress
from netemu.cli.verbs.rollout import history, restart, rollout_status, set_paused, undo
from netemu.cli.verbs.watching import WaitTimeoutError
from netemu.errors import NetemuError
from netemu.testing import builders

DEFAULT = Scope(namespace="default")
WEB = Selection(kind=DEPLOYMENT, names=("web",))
DB = Selection(kind=STATEFUL_SET, names=("db",))


def owner(obj):
    meta = obj["metadata"]
    named = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "name": meta["name"], "uid": meta["uid"]}
    return [{**named, "controller": True}]


@pytest.fixture
async def web(client):
    """Make a Deployment of the image ``two`` that was of ``one`` before."""
    made = await client.create(DEPLOYMENT, builders.deployment("web", image="two"))
    for number, image in ((2, "two"), (1, "one")):
        replica_set = builders.replica_set(f"web-{number}", image=image)
        labels = {"app": "web", "pod-template-hash": str(number)}
        replica_set["spec"]["selector"] = {"matchLabels": labels}
        replica_set["spec"]["template"]["metadata"]["labels"] = labels
        replica_set["metadata"]["annotations"] = {
            "deployment.kubernetes.io/revision": str(number),
            "kubernetes.io/change-cause": f"image {image}",
        }
        replica_set["metadata"]["ownerReferences"] = owner(made)
        await client.create(REPLICA_SET, replica_set)
    return made


@pytest.fixture
async def db(client):
    """Make a StatefulSet of the image ``two`` that was of ``one`` before."""
    made = await client.create(STATEFUL_SET, builders.stateful_set("db", image="two"))
    for number, image in ((1, "one"), (2, "two")):
        template = builders.stateful_set("db", image=image)["spec"]["template"]
        revision = {
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": {"name": f"db-{number}", "namespace": "default", "ownerReferences": owner(made)},
            "data": {"spec": {"template": {**template, "$patch": "replace"}}},
            "revision": number,
        }
        await client.create(CONTROLLER_REVISION, revision)
    return made


async def image(client, selection):
    obj = await client.get(selection.kind, "default", selection.names[0])
    return obj["spec"]["template"]["spec"]["containers"][0]["image"]


async def test_a_rollout_can_be_looked_at_once_or_for_a_while(session, client, capsys):
    await client.create(DEPLOYMENT, builders.deployment("web", replicas=1))

    await rollout_status(session, WEB, "default", watch=False)
    with pytest.raises(WaitTimeoutError):
        await rollout_status(session, WEB, "default", timeout_s=0.01)

    assert capsys.readouterr().out.startswith("Waiting for deployment")


async def test_a_rollout_is_followed_to_its_end(session, client, capsys):
    made = await client.create(DEPLOYMENT, builders.deployment("web", replicas=1))
    done = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}

    async with asyncio.TaskGroup() as group:
        group.create_task(rollout_status(session, WEB, "default"))
        await client.update(DEPLOYMENT, {**made, "status": done}, subresource="status")

    assert capsys.readouterr().out.endswith('deployment "web" successfully rolled out\n')


async def test_a_rollout_of_nothing_is_not_found(session):
    with pytest.raises(NotFoundError):
        await rollout_status(session, WEB, "default")


async def test_the_history_is_a_table_of_revisions_and_why_they_came(session, web, capsys):
    await history(session, WEB, "default", 0)

    assert capsys.readouterr().out == (
        "deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         image one\n2         image two\n\n"
    )


async def test_one_revision_is_shown_by_its_template(session, db, capsys):
    await history(session, DB, "default", 1)

    shown = capsys.readouterr().out
    assert shown.startswith("statefulset.apps/db with revision #1\nPod Template:\n")
    assert "app=db" in shown
    assert "one" in shown
    with pytest.raises(NetemuError, match="unable to find the specified revision 7"):
        await history(session, DB, "default", 7)


async def test_going_back_restores_the_template_and_why_it_came(session, client, web, capsys):
    await undo(session, WEB, "default", 0)

    assert await image(client, WEB) == "one"
    obj = await client.get(DEPLOYMENT, "default", "web")
    assert obj["spec"]["template"]["metadata"]["labels"] == {"app": "web"}
    assert obj["metadata"]["annotations"] == {"kubernetes.io/change-cause": "image one"}
    assert capsys.readouterr().out == "deployment.apps/web rolled back\n"


async def test_going_back_to_a_revision_of_a_stateful_set(session, client, db):
    await undo(session, DB, "default", 1)

    assert await image(client, DB) == "one"


async def test_going_back_to_what_is_there_changes_nothing(session, web, capsys):
    await undo(session, WEB, "default", 2)

    assert capsys.readouterr().out == (
        "deployment.apps/web skipped rollback (current template already matches revision 2)\n"
    )


@pytest.mark.parametrize(
    ("number", "words"), [(9, "unable to find specified revision 9 in history"), (-1, "unable to find")]
)
async def test_there_must_be_something_to_go_back_to(session, web, number, words):
    with pytest.raises(NetemuError, match=words):
        await undo(session, WEB, "default", number)


async def test_without_history_nothing_can_be_undone(session, client):
    await client.create(DEPLOYMENT, builders.deployment("web"))

    with pytest.raises(NetemuError, match='no rollout history found for deployment "web"'):
        await undo(session, WEB, "default", 0)


async def test_a_restart_marks_the_template(session, client, db, capsys):
    await restart(session, parse_selections(["sts/db"]), DEFAULT)

    obj = await client.get(STATEFUL_SET, "default", "db")
    assert "kubectl.kubernetes.io/restartedAt" in obj["spec"]["template"]["metadata"]["annotations"]
    assert capsys.readouterr().out == "statefulset.apps/db restarted\n"


async def test_a_paused_deployment_neither_restarts_nor_goes_back_until_it_is_resumed(
    session, client, web, capsys
):
    chosen = parse_selections(["deploy/web"])
    await set_paused(session, chosen, DEFAULT, paused=True)
    with pytest.raises(NetemuError, match="is already paused"):
        await set_paused(session, chosen, DEFAULT, paused=True)
    with pytest.raises(NetemuError, match="can't restart paused deployment"):
        await restart(session, chosen, DEFAULT)
    with pytest.raises(NetemuError, match="cannot rollback a paused deployment"):
        await undo(session, WEB, "default", 0)

    await set_paused(session, chosen, DEFAULT, paused=False)
    with pytest.raises(NetemuError, match="is not paused"):
        await set_paused(session, chosen, DEFAULT, paused=False)

    assert capsys.readouterr().out == "deployment.apps/web paused\ndeployment.apps/web resumed\n"


async def test_only_deployments_pause_and_only_workloads_roll_out(session, db):
    with pytest.raises(UsageError, match="pausing is not supported"):
        await set_paused(session, parse_selections(["sts/db"]), DEFAULT, paused=True)
    with pytest.raises(UsageError, match="no history viewer has been implemented"):
        await restart(session, parse_selections(["pod/a"]), DEFAULT)


def workload(spec, status):
    return {
        "metadata": {"name": "web", "generation": 2},
        "spec": spec,
        "status": {"observedGeneration": 2, **status},
    }


def partitioned(partition, **more):
    return {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": partition}}, **more}


@pytest.mark.parametrize(
    ("kind", "obj", "words"),
    [
        pytest.param(DEPLOYMENT, workload({}, {"observedGeneration": 1}), "spec update", id="unseen"),
        pytest.param(
            DEPLOYMENT, workload({"replicas": 3}, {"updatedReplicas": 1}), "1 out of 3 new", id="updating"
        ),
        pytest.param(
            DEPLOYMENT,
            workload({"replicas": 1}, {"updatedReplicas": 1, "replicas": 2}),
            "1 old replicas",
            id="old-ones",
        ),
        pytest.param(
            DEPLOYMENT,
            workload({"replicas": 1}, {"updatedReplicas": 1, "replicas": 1}),
            "0 of 1 updated replicas are available",
            id="not-available",
        ),
        pytest.param(
            STATEFUL_SET,
            workload({"replicas": 2}, {"readyReplicas": 1}),
            "Waiting for 1 pods",
            id="not-ready",
        ),
        pytest.param(
            STATEFUL_SET,
            workload(partitioned(1), {"readyReplicas": 3, "updatedReplicas": 1}),
            "Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated",
            id="partition",
        ),
        pytest.param(
            STATEFUL_SET,
            workload(partitioned(1), {"readyReplicas": 3, "updatedReplicas": 2}),
            "partitioned roll out complete: 2 new pods",
            id="partition-done",
        ),
        pytest.param(
            DAEMON_SET,
            workload({}, {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 1}),
            "1 of 2 updated pods are available",
            id="daemons-not-available",
        ),
        pytest.param(
            DAEMON_SET,
            workload({}, {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2}),
            'daemon set "web" successfully rolled out',
            id="done",
        ),
    ],
)
def test_progress_is_told_in_kubectl_s_words(kind, obj, words):
    assert words in progress(kind, obj).text


def test_a_rollout_that_exceeded_its_deadline_is_an_error():
    late = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]

    with pytest.raises(NetemuError, match='deployment "web" exceeded its progress deadline'):
        progress(DEPLOYMENT, workload({}, {"conditions": late}))


def test_pods_that_wait_to_be_deleted_have_no_rollout():
    with pytest.raises(UsageError, match="only available for RollingUpdate"):
        progress(DAEMON_SET, workload({"updateStrategy": {"type": "OnDelete"}}, {}))
    with pytest.raises(UsageError, match="no status viewer has been implemented for Pod"):
        progress(POD, workload({}, {}))
