"""What a pod asks of its node."""

from __future__ import annotations

import pytest

from netemu.api.requests import Load, amounts, pod_load, pod_requests
from netemu.api.views import view
from netemu.api.views.core import PodSpec


def container(name="c", restart=None, **requests):
    resources = {"requests": requests} if requests else {}
    return {"name": name, "resources": resources, **({"restartPolicy": restart} if restart else {})}


def asked(**spec):
    return pod_requests(view(PodSpec, spec))


def test_quantities_become_whole_numbers_cpu_in_thousandths():
    quantities = {"cpu": "0.5", "memory": "1.5Ki", "example.com/gpu": 2, "pods": "110"}

    assert amounts(quantities) == {"cpu": 500, "memory": 1536, "example.com/gpu": 2, "pods": 110}


@pytest.mark.parametrize(
    ("spec", "total"),
    [
        pytest.param({"containers": [container()]}, {}, id="nothing"),
        pytest.param(
            {"containers": [container(cpu="100m"), container("d", cpu="1", memory="1Ki")]},
            {"cpu": 1100, "memory": 1024},
            id="containers-add-up",
        ),
        pytest.param(
            {
                "containers": [container(cpu="1")],
                "initContainers": [container("a", cpu="2"), container("b", cpu="500m")],
            },
            {"cpu": 2000},
            id="the-greatest-init-container",
        ),
        pytest.param(
            {
                "containers": [container(cpu="1")],
                "initContainers": [
                    container("side", restart="Always", cpu="500m"),
                    container("b", cpu="800m"),
                ],
            },
            {"cpu": 1500},
            id="sidecars-run-beside-containers",
        ),
        pytest.param(
            {
                "containers": [container(cpu="100m")],
                "initContainers": [
                    container("side", restart="Always", cpu="500m"),
                    container("b", cpu="800m"),
                ],
            },
            {"cpu": 1300},
            id="and-beside-later-init-containers",
        ),
        pytest.param(
            {"containers": [container(cpu="1")], "overhead": {"cpu": "250m"}}, {"cpu": 1250}, id="overhead"
        ),
        pytest.param(
            {"containers": [container(cpu="1", memory="1Ki")], "resources": {"requests": {"cpu": "3"}}},
            {"cpu": 3000, "memory": 1024},
            id="the-pod-as-a-whole",
        ),
    ],
)
def test_what_a_pod_asks_for(spec, total):
    assert asked(**spec) == total


def test_containers_that_ask_for_nothing_count_a_little_in_the_choice_between_nodes():
    spec = view(PodSpec, {"containers": [container(), container("d", cpu="1", memory="1Mi")]})

    assert pod_load(spec, pod_requests(spec)) == Load(1100, 200 * 1024**2 + 1024**2)
