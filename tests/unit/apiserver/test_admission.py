"""What admission adds to new Pods."""

from __future__ import annotations

import random

import pytest

from netemu.api.errors import ForbiddenError, NotFoundError
from netemu.api.kinds import CONFIG_MAP, POD
from netemu.apiserver.admission import MOUNT_PATH, TokenAdmission
from netemu.testing import builders

ACCOUNTS = {("default", "default"): {}, ("default", "quiet"): {"automountServiceAccountToken": False}}


def find(_kind, namespace, name):
    try:
        return ACCOUNTS[namespace, name]
    except KeyError as err:
        raise NotFoundError(f'serviceaccounts "{name}" not found') from err


def admitted(**spec):
    return TokenAdmission(random.Random(1))(POD, builders.pod("web", **spec), find)["spec"]


def test_every_container_finds_the_token_where_clients_look_for_it():
    spec = admitted(initContainers=[{"name": "i"}])

    (volume,) = spec["volumes"]
    assert volume["name"].startswith("kube-api-access-")
    assert [list(source) for source in volume["projected"]["sources"]] == [
        ["serviceAccountToken"],
        ["configMap"],
        ["downwardAPI"],
    ]
    mount = {"mountPath": MOUNT_PATH, "name": volume["name"], "readOnly": True}
    assert spec["containers"][0]["volumeMounts"] == [mount]
    assert spec["initContainers"][0]["volumeMounts"] == [mount]


@pytest.mark.parametrize(
    "spec",
    [
        {"automountServiceAccountToken": False},
        {"serviceAccountName": "quiet"},
        {"serviceAccountName": "quiet", "automountServiceAccountToken": False},
    ],
)
def test_who_wants_no_token_gets_none(spec):
    assert "volumes" not in admitted(**spec)


def test_a_pods_own_wish_goes_before_its_accounts():
    assert "volumes" in admitted(serviceAccountName="quiet", automountServiceAccountToken=True)


def test_a_container_that_mounts_something_there_keeps_it():
    mount = {"name": "mine", "mountPath": MOUNT_PATH}
    spec = admitted(containers=[{"name": "c", "volumeMounts": [mount]}])

    assert spec["containers"][0]["volumeMounts"] == [mount]
    assert "volumes" not in spec


def test_a_pod_that_was_read_elsewhere_gets_no_second_volume():
    once = admitted()
    again = TokenAdmission()(POD, {**builders.pod("web"), "spec": once}, find)["spec"]

    assert again == once


def test_an_account_that_does_not_exist_has_no_pods():
    with pytest.raises(ForbiddenError, match="error looking up service account default/none"):
        admitted(serviceAccountName="none")


def test_the_default_account_may_come_after_the_pod():
    pod = builders.pod("web", namespace="new")

    assert TokenAdmission()(POD, pod, find)["spec"]["volumes"]


def test_other_kinds_are_left_alone():
    obj = {"metadata": {"name": "c", "namespace": "default"}}

    assert TokenAdmission()(CONFIG_MAP, obj, find) is obj
