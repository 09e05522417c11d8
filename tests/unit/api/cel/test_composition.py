"""Variables of policies."""

from __future__ import annotations

from netemu.api.cel import VARIABLES, compile_expression, evaluate_variables, optional_variables


def spec(**variables):
    return {"variables": [{"name": name, "expression": text} for name, text in variables.items()]}


def test_each_sees_those_before_it_and_those_without_a_value_are_missing():
    given = spec(a="object.n", b="variables.a + 1", c="object.none", d="1 +")

    assert evaluate_variables(given, {"object": {"n": 1}}) == {"a": 1, "b": 2}


def test_what_may_be_absent_is_known_to_those_who_read_it():
    given = spec(a="object.?n", b="variables.a.optMap(x, x + 1)", c="variables.b.orValue(0)")
    values = {"object": {"n": 1}}
    made = evaluate_variables(given, values)
    program = compile_expression("variables.a.value()", VARIABLES, optionals=optional_variables(given))

    assert optional_variables(given) == {"a", "b"}
    assert made["c"] == 2
    assert program.evaluate({**values, "variables": made}) == 1
    assert evaluate_variables(given, {"object": {}})["c"] == 0
