"""Values that may be absent."""

from __future__ import annotations

import pytest

from netemu.api.cel import CompileError, EvaluationError, compile_expression
from netemu.api.cel.optionals import WHY


def value(text):
    return compile_expression(text, ("self",)).evaluate({"self": {"x": 1}})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[?self.?x, ?self.?y]", [1]),
        ("{?'a': self.?x, ?'b': self.?y}", {"a": 1}),
        ("(self.x == 1 ? self.?x : self.?y).value()", 1),
        ("self.?y.or(self.?x).value()", 1),
        ("optional.of(optional.of(1)).value().value()", 1),
        ("self.?x == optional.of(1)", True),
    ],
)
def test_what_may_be_absent_stays_within_an_expression(text, expected):
    assert value(text) == expected


# The library would end the process.
@pytest.mark.parametrize(
    "text",
    [
        "{'k': self.?x}",
        "[self.?x]",
        "[1].map(i, self.?x)",
        "dyn(self.?x)",
        "self.?x.all(i, v, true)",
        "sets.contains([optional.of(1)], [1])",
        "{'a': optional.none()}.family()",
        "cel.bind(o, self.?x, [[o]])",
    ],
)
def test_it_is_not_put_into_something(text):
    with pytest.raises(CompileError) as caught:
        value(text)

    assert WHY in caught.value.message


def test_it_is_no_result():
    with pytest.raises(EvaluationError):
        value("self.?x")
