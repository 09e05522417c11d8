"""What ``apply`` remembers and changes."""

import json

from netemu.api.kinds import DEPLOYMENT, SERVICE
from netemu.api.patch import strategic_merge_patch
from netemu.cli.applying import (
    LAST_APPLIED,
    last_applied,
    missing_annotation_warning,
    plan_apply,
    with_last_applied,
)

WEB = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"ports": [{"port": 80, "name": "http"}], "selector": {"app": "web"}},
}


def _live(obj, **spec):
    applied = with_last_applied(obj)
    return {**applied, "spec": {**applied["spec"], **spec}}


def test_the_annotation_holds_the_object_without_itself():
    applied = with_last_applied(with_last_applied(WEB))

    assert json.loads(applied["metadata"]["annotations"][LAST_APPLIED]) == {
        **WEB,
        "metadata": {**WEB["metadata"], "annotations": {}},
    }
    assert "annotations" not in WEB["metadata"]


def test_applying_the_same_again_changes_nothing():
    assert plan_apply(SERVICE, WEB, _live(WEB, clusterIP="10.96.0.7")) == {}


def test_what_is_no_longer_wanted_goes_and_what_others_set_stays():
    live = _live(WEB, clusterIP="10.96.0.7")
    wanted = {**WEB, "spec": {"ports": [{"port": 80, "name": "http"}]}}

    changed = strategic_merge_patch(SERVICE, live, plan_apply(SERVICE, wanted, live))

    assert changed["spec"] == {"ports": [{"port": 80, "name": "http"}], "clusterIP": "10.96.0.7"}
    assert last_applied(changed)["spec"] == wanted["spec"]


def test_an_object_that_nobody_applied_is_adopted_with_a_warning():
    assert last_applied(WEB) is None
    assert "resource services/web is missing" in missing_annotation_warning(SERVICE, WEB)
    assert "deployments/web" in missing_annotation_warning(DEPLOYMENT, WEB)
    assert missing_annotation_warning(SERVICE, _live(WEB)) == ""


def test_an_unreadable_annotation_counts_as_none():
    live = {**WEB, "metadata": {**WEB["metadata"], "annotations": {LAST_APPLIED: "{"}}}

    assert last_applied(live) is None
