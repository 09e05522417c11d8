"""kubectl's templates."""

import pytest

from netemu.cli.jsonpath import find_all, render_template
from netemu.cli.resources import UsageError

POD = {
    "metadata": {"name": "web", "labels": {"app.kubernetes.io/name": "web"}},
    "spec": {"containers": [{"name": "a", "port": 80}, {"name": "b", "port": 443}]},
    "status": {
        "ready": True,
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "False"}],
    },
}
LIST = {"items": [POD, {"metadata": {"name": "db"}}]}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        pytest.param("{.metadata.name}", "web", id="field"),
        pytest.param(".metadata.name", "web", id="without-braces"),
        pytest.param("{$.metadata.name}", "web", id="root"),
        pytest.param("name: {.metadata.name}!", "name: web!", id="text-around"),
        pytest.param("{.spec.containers[*].name}", "a b", id="star"),
        pytest.param("{.spec.containers[1].name}", "b", id="index"),
        pytest.param("{.spec.containers[-1].name}", "b", id="negative-index"),
        pytest.param("{.spec.containers[9].name}", "", id="index-out-of-range"),
        pytest.param("{.spec.containers[0:1].name}", "a", id="slice"),
        pytest.param("{..port}", "80 443", id="everywhere"),
        pytest.param("{.missing.field}", "", id="missing"),
        pytest.param("{.status.ready}", "true", id="boolean"),
        pytest.param("{.metadata.labels}", '{"app.kubernetes.io/name":"web"}', id="object-as-json"),
        pytest.param(r"{.metadata.labels.app\.kubernetes\.io/name}", "web", id="escaped-dots"),
        pytest.param("{.metadata['name']}", "web", id="quoted"),
        pytest.param('{.status.conditions[?(@.type=="Ready")].status}', "True", id="filter"),
        pytest.param("{.spec.containers[?(@.port>100)].name}", "b", id="filter-order"),
        pytest.param("{.spec.containers[?(@.port!=80)].name}", "b", id="filter-unequal"),
        pytest.param("{.spec.containers[?(@.missing)].name}", "", id="filter-exists"),
        pytest.param(r'{range .spec.containers[*]}{.name}={.port}{"\n"}{end}', "a=80\nb=443\n", id="range"),
    ],
)
def test_a_template_is_filled_in(template, text):
    assert render_template(template, POD) == text


def test_ranges_nest():
    template = r'{range .items[*]}{.metadata.name}:{range .spec.containers[*]}{.name}{end}{"\n"}{end}'

    assert render_template(template, LIST) == "web:ab\ndb:\n"


@pytest.mark.parametrize("template", ["{.a", "{.a!}", "{range .items[*]}x", "{.a[?(1 2)]}"])
def test_a_template_that_cannot_be_read_is_refused(template):
    with pytest.raises(UsageError):
        render_template(template, {"a": [1]})


def test_a_path_gives_values():
    assert find_all("{.spec.containers[*].port}", POD) == [80, 443]
