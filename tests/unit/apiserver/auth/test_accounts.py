"""Tokens of ServiceAccounts, and when they are nothing any more."""

from __future__ import annotations

import pytest

from netemu.api.kinds import POD, SERVICE_ACCOUNT
from netemu.apiserver.auth.accounts import ServiceAccounts, UnknownTokenError
from netemu.apiserver.auth.lifetimes import EXTENDED_LIFETIME_S, MOUNTED_LIFETIME_S
from netemu.apiserver.options import DeleteOptions
from netemu.pki.certificates import key_pem, new_key
from netemu.pki.tokens import TokenKey

AT_ONCE = DeleteOptions(grace_period_seconds=0)
ROBOT = {"metadata": {"name": "robot", "namespace": "default"}}


def test_a_token_names_its_account_and_the_groups_of_all_accounts(accounts, account):
    user = accounts.user_of(accounts.issue(account).token)

    assert user.name == "system:serviceaccount:default:robot"
    assert user.uid == account["metadata"]["uid"]
    assert user.groups == (
        "system:serviceaccounts",
        "system:serviceaccounts:default",
        "system:authenticated",
    )


def test_a_pods_token_says_which_pod_has_it(accounts, pod):
    user = accounts.user_of(accounts.issue_for(pod, "", 3600).token)

    assert user.extra["authentication.kubernetes.io/pod-name"] == ("web",)
    assert user.extra["authentication.kubernetes.io/pod-uid"] == (pod["metadata"]["uid"],)


def test_a_token_ends(accounts, account, clock):
    token = accounts.issue(account, lifetime_s=600).token
    clock.now_s += 600

    with pytest.raises(UnknownTokenError, match="expired"):
        accounts.user_of(token)


def test_the_token_that_admission_asks_for_outlives_clients_that_never_read_it_again(accounts, pod, clock):
    issued = accounts.issue_for(pod, "", MOUNTED_LIFETIME_S)

    assert issued.expires_at_s == clock.now_s + EXTENDED_LIFETIME_S


async def delete(registry, kind, name):
    await registry.delete(kind, "default", name, AT_ONCE)


def test_a_token_dies_with_its_account(accounts, account, registry, run):
    token = accounts.issue(account).token
    accounts.user_of(token)
    run(delete(registry, SERVICE_ACCOUNT, "robot"))

    with pytest.raises(UnknownTokenError, match="gone"):
        accounts.user_of(token)


def test_an_account_of_the_same_name_is_another_one(accounts, account, registry, run):
    token = accounts.issue(account).token
    run(delete(registry, SERVICE_ACCOUNT, "robot"))
    run(registry.create(SERVICE_ACCOUNT, ROBOT))

    with pytest.raises(UnknownTokenError, match="is not the one"):
        accounts.user_of(token)


def test_a_pods_token_dies_with_the_pod(accounts, pod, registry, run):
    token = accounts.issue_for(pod, "", 3600).token
    run(delete(registry, POD, "web"))

    with pytest.raises(UnknownTokenError, match="gone"):
        accounts.user_of(token)


def test_a_token_for_someone_else_is_nothing_to_the_api(accounts, account):
    token = accounts.issue(account, audiences=["vault"]).token

    assert accounts.user_of(token, ["vault"]).name == "system:serviceaccount:default:robot"
    with pytest.raises(UnknownTokenError, match="audiences"):
        accounts.user_of(token)


def test_a_token_of_another_cluster_is_nothing(accounts, account, registry, clock):
    other = ServiceAccounts(registry, TokenKey(key_pem(new_key())), accounts.issuer, clock)

    with pytest.raises(UnknownTokenError):
        accounts.user_of(other.issue(account).token)
