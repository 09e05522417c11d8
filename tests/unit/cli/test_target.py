"""Global options stand anywhere, as for kubectl."""

import pytest

from netemu.cli.target import Target, hoist_globals


@pytest.mark.parametrize(
    ("typed", "read_as"),
    [
        pytest.param("get pods", "get pods", id="none"),
        pytest.param("get pods -n web", "-n web get pods", id="after"),
        pytest.param("-n web get pods", "-n web get pods", id="before"),
        pytest.param("get -nweb pods", "-n web get pods", id="attached"),
        pytest.param("get --namespace=web pods", "--namespace web get pods", id="equals"),
        pytest.param("get pods --cluster two -n a", "--cluster two -n a get pods", id="both"),
        pytest.param("up --name two --nodes 1", "--name two up --nodes 1", id="name"),
        pytest.param(
            "exec p -n a -- sh -n b --name c", "-n a exec p -- sh -n b --name c", id="not-behind-dashes"
        ),
        pytest.param(
            "expose deployment web --name svc --cluster two",
            "--cluster two expose deployment web --name svc",
            id="expose-has-a-name-of-its-own",
        ),
        pytest.param("get pods -n", "-n get pods", id="value-missing"),
        pytest.param("delete pods --all=true --wait=false", "delete pods --all --no-wait", id="switches"),
        pytest.param("api-resources --namespaced=false", "api-resources --no-namespaced", id="namespaced"),
        pytest.param("rollout status d/a --watch=false", "rollout status d/a --no-watch", id="watch"),
        pytest.param(
            "delete pod a --wait=true --force=false", "delete pod a --wait", id="switches-by-default"
        ),
    ],
)
def test_global_options_are_moved_to_the_front(typed, read_as):
    assert hoist_globals(typed.split()) == read_as.split()


def test_an_object_without_a_namespace_goes_to_default():
    assert Target().namespace_or_default == "default"
    assert Target(namespace="web").namespace_or_default == "web"
