"""Helm finds a cluster that it can use: a chart through its whole life."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

CHART = str(Path(__file__).parent / "charts" / "site")
PATIENT = ("--wait", "--timeout=120s")


@pytest.fixture
def helm(client):
    return client("helm")


@pytest.fixture
def objects(cluster, helm):
    """Name all that a release has left in its namespace."""
    kinds = "deployments,services,configmaps,roles,ingresses,hpa,serviceaccounts"

    def read():
        chosen = ("-l", "app.kubernetes.io/instance=site", "-o", "name")
        return cluster.ok("get", kinds, "-n", helm.namespace, *chosen).split()

    return read


def test_a_chart_is_installed_tested_upgraded_rolled_back_and_uninstalled(helm, cluster, objects):
    def greeting():
        return cluster.field(".data.greeting", "configmap", "site", "-n", helm.namespace)

    assert "site says hello." in helm.ok("install", "site", CHART, *PATIENT)
    assert [each["status"] for each in json.loads(helm.ok("list", "-o", "json"))] == ["deployed"]
    assert len(objects()) == 7
    assert "Phase:          Succeeded" in helm.ok("test", "site", "--logs", "--timeout=120s")

    helm.ok("upgrade", "site", CHART, "--set", "replicas=2,greeting=goodbye", *PATIENT)
    assert greeting() == "goodbye"
    assert cluster.field(".status.readyReplicas", "deployment", "site", "-n", helm.namespace) == "2"

    helm.ok("rollback", "site", "1", *PATIENT)
    assert greeting() == "hello"
    history = json.loads(helm.ok("history", "site", "-o", "json"))
    assert [each["status"] for each in history] == ["superseded", "superseded", "deployed"]

    helm.ok("uninstall", "site", *PATIENT)
    assert json.loads(helm.ok("list", "-o", "json")) == []
    assert objects() == []


def test_a_release_that_the_api_refuses_says_why(helm):
    said = helm.fails("install", "site", CHART, "--set", "replicas=-1")

    assert "spec.replicas" in said
