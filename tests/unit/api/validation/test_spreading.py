"""Where pods want to be: what of it can be read."""

import pytest

from netemu.api.kinds import POD

SPREAD = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
TERM = {"topologyKey": "zone"}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def pod(**spec):
    return {"spec": {"containers": [{"name": "c", "image": "httpd"}], **spec}}


def spread(*constraints):
    return pod(topologySpreadConstraints=list(constraints))


def affinity(kind, rules, *terms):
    return pod(affinity={kind: {rules: list(terms)}})


@pytest.mark.parametrize(
    "wish",
    [
        spread(SPREAD, {**SPREAD, "topologyKey": "rack"}),
        affinity("podAffinity", REQUIRED, TERM),
        affinity("podAntiAffinity", PREFERRED, {"weight": 100, "podAffinityTerm": TERM}),
        affinity("nodeAffinity", PREFERRED, {"weight": 1, "preference": {}}),
    ],
)
def test_a_wish_that_is_whole_is_valid(broken, wish):
    assert broken(POD, wish) == []


@pytest.mark.parametrize(
    ("wish", "field", "words"),
    [
        (spread({**SPREAD, "maxSkew": 0}), "maxSkew", "Invalid value: 0: must be greater than zero"),
        (spread({**SPREAD, "topologyKey": ""}), "topologyKey", "Required value: can not be empty"),
        (
            spread({**SPREAD, "whenUnsatisfiable": "x"}),
            "whenUnsatisfiable",
            'Unsupported value: "x": supported values: "DoNotSchedule", "ScheduleAnyway"',
        ),
        (
            spread(SPREAD, SPREAD),
            "{topologyKey, whenUnsatisfiable}",
            'Duplicate value: "{zone, DoNotSchedule}"',
        ),
        (affinity("podAffinity", REQUIRED, {}), "topologyKey", "Required value: can not be empty"),
        (
            affinity("podAntiAffinity", PREFERRED, {"podAffinityTerm": TERM}),
            "weight",
            "Invalid value: 0: must be in the range 1-100",
        ),
        (
            affinity("nodeAffinity", PREFERRED, {"weight": 101}),
            "weight",
            "Invalid value: 101: must be in the range 1-100",
        ),
    ],
)
def test_a_wish_that_nobody_can_read_is_refused(broken, wish, field, words):
    assert [(path.rpartition("].")[2], said) for path, said in broken(POD, wish)] == [(field, words)]
