"""Loops of many steps."""

from __future__ import annotations

import pytest

from netemu.api.cel import Budget, EvaluationError, OutOfBudgetError, compile_expression

MANY = list(range(12_000))
SPENT = "validation failed due to running out of cost budget, no further validation rules will be run"


class Clock:
    """A clock that goes on by a second each time that someone looks at it."""

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        self.now_s += 1
        return self.now_s


def value(text, of, budget=None):
    # Of real time there is enough: these tests are about what is evaluated, not how fast.
    budget = budget or Budget(spend_s=1000)
    return compile_expression(text, ("self", "other")).evaluate({"self": of, "other": 1}, budget)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("self.all(a, a >= 0)", True),
        ("self.all(a, a < 11000)", False),
        ("self.exists(a, a == 11999)", True),
        ("self.exists_one(a, a == 9000)", True),
        ("self.map(a, a + other).size()", 12_000),
        ("self.filter(a, a % 2 == 0)[4999]", 9_998),
        ("self.map(a, a > 9, a)[0]", 10),
        ("false && self.all(a, 1 / 0 == 1)", False),
        ("{'x': self.all(a, a >= 0), 'y': [self.map(a, a)[11000]]}", {"x": True, "y": [11_000]}),
        ("cel.bind(x, self.map(a, a + 1), x.all(b, b > 0))", True),
        ("self.transformList(i, v, i == v).all(a, a)", True),
    ],
)
def test_a_loop_may_have_more_steps_than_the_library_takes(text, expected):
    assert value(text, MANY) == expected


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        ("self.all(a, self.all(b, a + b >= 0))", 150, True),
        ("self.all(a, self.exists(b, b == a + 1))", 150, False),
        ("self.all(a, self.all(b, self.all(c, a + b + c + other > 0)))", 30, True),
        ("self.map(a, self.filter(b, b > a).size())[149]", 150, 0),
        ("self.all(a, self.filter(b, b <= a).size() == a + 1)", 150, True),
    ],
)
def test_loops_may_be_in_loops(text, count, expected):
    assert value(text, list(range(count))) == expected


def test_one_item_may_be_too_much_for_the_library():
    assert value("[[1], self].all(a, a.all(b, b + other > 0))", MANY[:11_000]) is True


def test_what_fails_in_a_long_loop_says_why():
    with pytest.raises(EvaluationError) as caught:
        value("self.all(a, 1 / (a - 11000) < 2)", MANY)

    assert caught.value.message == "divide by zero"


def test_loops_have_an_end():
    with pytest.raises(EvaluationError) as caught:
        value("self.all(a, self.all(b, self.all(c, a + b + c >= 0)))", MANY[:200], Budget(20, Clock()))

    assert caught.value.message == SPENT


def test_expressions_share_what_they_may_take():
    budget = Budget(5, Clock())
    answers = [value("self == 1", 1, budget) for _ in range(2)]

    with pytest.raises(OutOfBudgetError):
        [value("self == 1", 1, budget) for _ in range(5)]
    assert answers == [True, True]


def test_evaluating_again_keeps_nothing():
    program = compile_expression("self.all(a, self.map(b, b).size() > 0)", ("self",))
    kept = []
    for _ in range(3):
        program.evaluate({"self": list(range(120))}, Budget(spend_s=1000))
        kept.append((len(program._split.loops), len(program._parts)))

    assert kept[0] == kept[1] == kept[2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[duration('1s'), duration('2s')].map(d, d).all(d, d > duration('0s'))", True),
        ("['2024-01-01T00:00:00Z'].map(t, timestamp(t))[0].getFullYear()", 2024),
        ("cel.bind(o, self.?none, [1, 2].map(i, o.orValue(1) + i))", [2, 3]),
        ("self.?x.optMap(v, [1].map(i, i + v)).orValue([])", [2]),
    ],
)
def test_loops_may_be_over_what_python_cannot_give_back(text, expected):
    assert value(text, {"x": 1}) == expected
