"""Secrets that hold the token of an account."""

from __future__ import annotations

import base64

from netemu.api.kinds import SECRET, SERVICE_ACCOUNT
from netemu.controllers.tokensecrets import NAME_ANNOTATION, TYPE, UID_ANNOTATION, token_filler
from netemu.controllers.writes import Delete, Update
from netemu.informer.cache import Cache, Change, Key, key_of

CONTROLLER = token_filler(lambda given, held: f"{given['metadata']['uid']} for {key_of(held).name}", "CA")
KEY = Key("default", "robot-token")
FULL = {"token": "eA==", "ca.crt": "eA==", "namespace": "eA=="}


def secret(*, type=TYPE, data=None, **annotations):
    metadata = {"name": KEY.name, "namespace": "default", "uid": "s", "resourceVersion": "1"}
    return {"type": type, "metadata": {**metadata, "annotations": annotations}, "data": data or {}}


def account(uid="u-1"):
    return {"metadata": {"name": "robot", "namespace": "default", "uid": uid, "resourceVersion": "1"}}


def planned(secret, account=None):
    cache = Cache()
    cache.apply(SECRET, secret)
    if account is not None:
        cache.apply(SERVICE_ACCOUNT, account)
    return CONTROLLER.plan(cache, KEY, 0.0)


def test_a_secret_for_an_account_is_filled():
    (write,) = planned(secret(**{NAME_ANNOTATION: "robot"}, data={"own": "eA=="}), account())

    assert isinstance(write, Update)
    assert base64.b64decode(write.obj["data"]["token"]) == b"u-1 for robot-token"
    assert base64.b64decode(write.obj["data"]["namespace"]) == b"default"
    assert write.obj["data"]["own"] == "eA=="
    assert write.obj["metadata"]["annotations"][UID_ANNOTATION] == "u-1"


def test_a_secret_that_is_filled_is_left_alone():
    filled = secret(**{NAME_ANNOTATION: "robot", UID_ANNOTATION: "u-1"}, data=FULL)

    assert planned(filled, account()) == []


def test_a_secret_waits_for_its_account():
    assert planned(secret(**{NAME_ANNOTATION: "robot"})) == []


def test_a_token_goes_with_its_account():
    filled = secret(**{NAME_ANNOTATION: "robot", UID_ANNOTATION: "u-1"}, data=FULL)

    assert planned(filled) == planned(filled, account("another")) == [Delete(SECRET, KEY, "s")]


def test_other_secrets_are_nobodys_business():
    assert planned(secret(type="Opaque", **{NAME_ANNOTATION: "robot"}), account()) == []
    assert planned(secret(), account()) == []


def test_an_account_that_comes_late_is_noticed():
    cache = Cache()
    cache.apply(SECRET, secret(**{NAME_ANNOTATION: "robot"}))
    change = Change(SERVICE_ACCOUNT, Key("default", "robot"), None, account())

    assert list(CONTROLLER.triggers[SERVICE_ACCOUNT](cache, change)) == [KEY]
