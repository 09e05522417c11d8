"""ServiceAccounts with a real key, over a registry in memory."""

from __future__ import annotations

import asyncio

import pytest

from netemu.api.kinds import POD, SERVICE_ACCOUNT
from netemu.apiserver.auth.accounts import ServiceAccounts
from netemu.pki.certificates import key_pem, new_key
from netemu.pki.tokens import TokenKey
from netemu.testing import builders

ISSUER = "https://kubernetes.default.svc.cluster.local"
KEY = TokenKey(key_pem(new_key()))


@pytest.fixture
def account(registry):
    """The ServiceAccount ``robot`` of the namespace ``default``."""
    return asyncio.run(
        registry.create(SERVICE_ACCOUNT, {"metadata": {"name": "robot", "namespace": "default"}})
    )


@pytest.fixture
def pod(registry, account):
    """A Pod that runs as ``robot``."""
    return asyncio.run(registry.create(POD, builders.pod("web", serviceAccountName="robot")))


@pytest.fixture
def accounts(registry, clock):
    return ServiceAccounts(registry, KEY, ISSUER, clock)


@pytest.fixture
def run():
    """Run a coroutine from a test that is none."""
    return asyncio.run
