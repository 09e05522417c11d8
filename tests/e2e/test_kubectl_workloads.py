"""The real kubectl, oldest and newest: what keeps pods running, and what becomes of it."""

from __future__ import annotations

import pytest


@pytest.fixture
def kubectl(any_kubectl):
    return any_kubectl


@pytest.fixture
def web(kubectl):
    """A Deployment that is rolled out, and goes with the test."""
    kubectl.ok("create", "deployment", "web", "--image=nginx", "--port=80")
    kubectl.ok("rollout", "status", "deployment/web", "--timeout=120s")
    yield "deployment/web"
    kubectl.ok("delete", "deployment", "web", "--ignore-not-found", "--cascade=foreground")


def test_a_deployment_is_scaled_waited_for_and_shown_with_all_it_made(kubectl, web):
    kubectl.ok("scale", web, "--replicas=2", "--current-replicas=1")
    kubectl.ok("rollout", "status", web, "--timeout=120s")

    kubectl.ok("wait", "--for=condition=Available", web, "--timeout=120s")
    everything = kubectl.ok("get", "all", "-l", "app=web")
    assert everything.count("pod/web-") == 2
    assert "replicaset.apps/web-" in everything
    assert "2/2" in everything
    assert "2 desired | 2 updated | 2 total | 2 available" in kubectl.ok("describe", web)


def test_a_rollout_is_begun_followed_told_of_and_undone(kubectl, web):
    assert "image updated" in kubectl.ok("set", "image", web, "nginx=nginx:2")
    kubectl.ok("rollout", "status", web, "--timeout=120s")
    history = kubectl.ok("rollout", "history", web)
    assert [line.split()[0] for line in history.splitlines()[2:] if line] == ["1", "2"]
    assert "Image:\tnginx:2" in kubectl.ok("rollout", "history", web, "--revision=2")

    kubectl.ok("rollout", "undo", web)

    kubectl.ok("rollout", "status", web, "--timeout=120s")
    assert kubectl.read(".spec.template.spec.containers[0].image", web) == "nginx"


def test_a_restart_makes_new_pods(kubectl, web, eventually):
    listed = ("get", "pods", "-l", "app=web", "-o", "name")
    before = kubectl.ok(*listed)

    kubectl.ok("rollout", "restart", web)
    kubectl.ok("rollout", "status", web, "--timeout=120s")

    after = eventually(lambda: kubectl.ok(*listed), lambda seen: before not in seen)
    assert after.count("pod/web-") == 1


def test_what_a_template_says_is_set_word_by_word(kubectl, web):
    kubectl.ok("rollout", "pause", web)
    kubectl.ok("set", "env", web, "COLOR=red")
    kubectl.ok("set", "resources", web, "--requests=cpu=1m")
    kubectl.ok("set", "serviceaccount", web, "default")
    kubectl.ok("rollout", "resume", web)

    assert "COLOR=red" in kubectl.ok("set", "env", web, "--list")
    assert kubectl.read(".spec.template.spec.containers[0].resources.requests.cpu", web) == "1m"


def test_an_autoscaler_is_kept_as_it_was_said(kubectl, web):
    kubectl.ok("autoscale", web, "--min=2", "--max=4", "--cpu-percent=50")

    shown = kubectl.ok("get", "hpa", "web", "--no-headers")
    assert "Deployment/web" in shown
    assert kubectl.read(".spec.minReplicas", "hpa", "web") == "2"
    kubectl.ok("delete", "hpa", "web")


def test_a_deployment_is_exposed_and_its_service_has_its_pods(kubectl, web, eventually):
    kubectl.ok("expose", web, "--port=8080", "--target-port=80", "--type=NodePort")

    address = kubectl.read(".items[0].status.podIP", "pods", "-l", "app=web")
    eventually(lambda: kubectl.ok("describe", "service", "web"), lambda seen: f"{address}:80" in seen)
    assert "8080:3" in kubectl.ok("get", "service", "web")
    kubectl.ok("delete", "service", "web")


def test_what_a_deployment_made_goes_with_it_in_the_background(kubectl, web, eventually):
    kubectl.ok("delete", web, "--cascade=background")

    eventually(lambda: kubectl.ok("get", "rs,pods", "-l", "app=web", "-o", "name"), lambda seen: seen == "")


def test_what_a_deployment_made_goes_before_it_in_the_foreground(kubectl, web):
    kubectl.ok("delete", web, "--cascade=foreground", "--wait=true", "--timeout=120s")

    assert kubectl.ok("get", "rs,pods", "-l", "app=web", "-o", "name") == ""


def test_orphans_stay_behind(kubectl, web, eventually):
    kubectl.ok("delete", web, "--cascade=orphan")

    eventually(
        lambda: kubectl.read(".items[*].metadata.ownerReferences", "rs", "-l", "app=web"), lambda s: not s
    )
    assert kubectl.ok("get", "pods", "-l", "app=web", "-o", "name").startswith("pod/web-")
    kubectl.ok("delete", "rs", "-l", "app=web", "--cascade=foreground")


def test_waiting_ends_when_an_object_is_gone_or_time_is_up(kubectl):
    kubectl.ok("run", "brief", "--image=busybox", "--restart=Never", "--command", "--", "sleep", "60")

    assert "timed out" in kubectl.fails("wait", "--for=condition=Nothing", "pod/brief", "--timeout=1s")
    kubectl.ok("delete", "pod", "brief", "--wait=false", "--grace-period=1")
    kubectl.run("wait", "--for=delete", "pod/brief", "--timeout=120s")
    assert "NotFound" in kubectl.fails("get", "pod", "brief")


def test_the_newest_waits_for_fields_and_for_creation(new_kubectl):
    new_kubectl.ok("run", "brief", "--image=busybox", "--restart=Never", "--command", "--", "true")

    new_kubectl.ok("wait", "--for=create", "pod/brief", "--timeout=120s")
    new_kubectl.ok("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/brief", "--timeout=120s")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["cronjob", "made", "--image=pause", "--schedule=* * * * *"], id="cronjob"),
        pytest.param(
            ["poddisruptionbudget", "made", "--selector=a=b", "--min-available=1"], id="poddisruptionbudget"
        ),
    ],
)
def test_the_newest_makes_kinds_whose_old_versions_are_gone(new_kubectl, words):
    """The oldest asks for batch/v1beta1 and policy/v1beta1, which Kubernetes itself no longer serves."""
    made = new_kubectl.ok("create", *words, "-o", "name").strip()

    assert new_kubectl.ok("get", made, "-o", "name").strip() == made
