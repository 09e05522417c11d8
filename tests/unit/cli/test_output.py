"""``-o``."""

import pytest

from netemu.api.kinds import DEPLOYMENT, POD
from netemu.cli.output import check_format, render, render_yaml
from netemu.cli.resources import UsageError

WEB = (POD, {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "a"}]}})
APP = (DEPLOYMENT, {"metadata": {"name": "app"}})


def test_a_single_object_stands_alone():
    assert render([WEB], "yaml", single=True) == (
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: a\n"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1", 'a: "1"'),
        ("true", 'a: "true"'),
        ("web", "a: web"),
        ("", 'a: ""'),
        (1, "a: 1"),
        ("x\ny\n", "a: |\n  x\n  y"),
    ],
)
def test_texts_are_quoted_as_kubectl_does(value, text):
    assert render_yaml({"a": value}) == text + "\n"


def test_several_objects_stand_in_a_list():
    text = render([WEB, APP], "json", single=False)

    assert '"kind": "List"' in text
    assert '"apiVersion": "apps/v1"' in text


def test_names_are_what_other_commands_take():
    assert render([WEB, APP], "name", single=False) == "pod/web\ndeployment.apps/app\n"


def test_a_template_sees_the_list():
    assert render([WEB, APP], "jsonpath={.items[*].metadata.name}", single=False) == "web app"


@pytest.mark.parametrize("output", ["", "wide", "yaml", "json", "name", "jsonpath={.a}"])
def test_known_formats_pass(output):
    check_format(output)


def test_an_unknown_format_names_the_known_ones():
    with pytest.raises(UsageError, match="toml") as caught:
        check_format("toml")

    assert "yaml" in caught.value.hint
