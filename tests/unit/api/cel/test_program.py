"""Expressions: what they mean, and what is said of those that mean nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from netemu.api.cel import CompileError, EvaluationError, compile_expression
from netemu.api.cel.fields import as_root, complaints
from netemu.api.cel.values import escaped, visible


def value(text, of=None):
    return compile_expression(text, ("self",)).evaluate({"self": of})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("quantity('1Gi').isGreaterThan(quantity('1G'))", True),
        ("quantity('0.5').compareTo(quantity('500m'))", 0),
        ("quantity('1').add(quantity('500m')) == quantity('1500m')", True),
        ("quantity('1Ki').sub(24).asInteger()", 1000),
        ("quantity('-1').sign()", -1),
        ("isQuantity('1Gx')", False),
        ("quantity('1.5').isInteger() || quantity('1.5').asApproximateFloat() == 1.5", True),
        ("isIP('10.0.0.1') && isIP('::1') && !isIP('10.0.0.01') && !isIP('::ffff:1.2.3.4')", True),
        ("ip('2001:db8::1').family()", 6),
        ("ip.isCanonical('2001:DB8::1')", False),
        (
            "ip('10.0.0.1').isGlobalUnicast() && ip('127.0.0.1').isLoopback() && ip('::').isUnspecified()",
            True,
        ),
        ("ip('ff02::1').isLinkLocalMulticast() && ip('169.254.0.1').isLinkLocalUnicast()", True),
        ("cidr('10.0.0.0/8').containsIP('10.1.1.1') && cidr('10.0.0.0/8').containsIP(ip('10.1.1.1'))", True),
        ("cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')", True),
        ("cidr('10.0.0.0/8').containsCIDR(cidr('11.0.0.0/16'))", False),
        ("cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8')", True),
        ("cidr('10.1.2.3/8').ip() == ip('10.1.2.3') && cidr('fd00::/64').prefixLength() == 64", True),
        ("isCIDR('10.0.0.0/33') || isCIDR('10.0.0.0')", False),
        ("url('https://user@[::1]:80/a%20b?x=1&x=2').getHost()", "[::1]:80"),
        ("url('https://[::1]:80/').getHostname() + url('https://h:80/').getPort()", "::180"),
        ("url('https://h/a b'.replace(' ', '%20')).getEscapedPath()", "/a%20b"),
        ("url('/?x=1&x=2').getQuery()['x']", ["1", "2"]),
        ("isURL('/path') && isURL('https://x') && !isURL('x/y') && !isURL('https://x:y')", True),
        ("'abc 123 45'.find('[0-9]+') + '-' + 'abc'.find('[0-9]+')", "123-"),
        ("'1 2 3'.findAll('[0-9]').size() + '1 2 3'.findAll('[0-9]', 2).size()", 5),
        ("[1, 2, 3].sum() + [4, 1].min() + [4, 1].max()", 11),
        ("['a', 'b'].isSorted() && ![2, 1].isSorted()", True),
        (
            "sets.contains([1, 2], [2]) && sets.equivalent([1, 2], [2, 1, 1]) && !sets.intersects([1], [2])",
            True,
        ),
        ("'a,b'.split(',').map(x, x.upperAscii()).join('-')", "A-B"),
        ("cel.bind(x, 2, x * x)", 4),
        ("duration('90s') > duration('1m') && timestamp('2024-01-01T00:00:00Z').getFullYear() == 2024", True),
        ("self.?a.?b.orValue('none')", "none"),
        ("false && (1 / 0 == 1)", False),
    ],
)
def test_expressions_mean_what_they_mean_in_kubernetes(text, expected):
    assert value(text, {}) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("self.b", "no such key: b"),
        ("self.a + 1", "no such overload"),
        ("quantity('x').sign()", "'x': quantities must match"),
        ("ip('x')", 'IP Address "x" parse error during conversion from string'),
        ("quantity('1').isLessThan(ip('10.0.0.1'))", "no such overload"),
        ("[].min()", "min called on empty list"),
        ("1 / 0", "divide by zero"),
    ],
)
def test_what_has_no_value_says_why(text, said):
    with pytest.raises(EvaluationError) as caught:
        value(text, {"a": "x"})

    assert caught.value.message.startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("self.a ==", "ERROR: <input>:1:10: Syntax error: mismatched input '<EOF>'"),
        (
            "other == 1",
            "ERROR: <input>:1:1: undeclared reference to 'other' (in container '')\n | other == 1\n | ^",
        ),
    ],
)
def test_what_is_no_expression_is_said_in_the_words_of_cel(text, said):
    with pytest.raises(CompileError) as caught:
        compile_expression(text, ("self",))

    assert caught.value.message.startswith(said)


def test_loops_have_an_end():
    with pytest.raises(EvaluationError):
        value("self.all(a, self.all(b, self.all(c, a + b + c >= 0)))", list(range(1000)))


SCHEMA = {
    "type": "object",
    "properties": {
        "x": {"type": "integer"},
        "namespace": {"type": "string"},
        "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"in": {}}}},
        "list": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
    },
}


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("self.x > 0 && self.__namespace__ == ''", []),
        ("self.map['a'].__in__ == self.map.b.__in__", []),
        ("self.list.all(a, a.name != self.list[0].name) && self.kind != self.metadata.name", []),
        ("self.z == 100", ["1:5: undefined field 'z'"]),
        ("self.namespace == ''", ["1:5: undefined field 'namespace'"]),
        (
            "has(self.q)\n|| self.list.exists(a, a.no)",
            ["1:4: undefined field 'q'", "2:25: undefined field 'no'"],
        ),
        ("self.map.a.b", ["1:11: undefined field 'b'"]),
        ("cel.bind(v, self.list, v.map(i, i.no).size() > 0)", ["1:34: undefined field 'no'"]),
        ("self.metadata.labels", ["1:14: undefined field 'labels'"]),
        ("self.x > '1'", ["1:8: found no matching overload for '_>_' applied to '(int, string)'"]),
        ("self.x > 1.5 && self.x + 1 != 1", []),
        ("self.x + 'a' == 'b'", ["1:8: found no matching overload for '_+_' applied to '(int, string)'"]),
        ("self.x == true", ["1:8: found no matching overload for '_==_' applied to '(int, bool)'"]),
    ],
)
def test_fields_that_no_schema_has_are_found(text, unknown):
    tree = compile_expression(text, ("self",)).tree
    said = complaints(tree, text, {"self": as_root(SCHEMA)})

    assert [line for line in said.split("\n") if line.startswith("ERROR")] == [
        f"ERROR: <input>:{e}" for e in unknown
    ]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("in", "__in__"),
        ("a.b-c/d", "a__dot__b__dash__c__slash__d"),
        ("a__b", "a__underscores__b"),
        ("x", "x"),
    ],
)
def test_names_are_written_so_that_they_can_be_said(name, written):
    assert escaped(name) == written


def test_expressions_see_what_the_schema_declares():
    schema = {
        "type": "object",
        "properties": {"n": {"type": "number"}, "b": {"type": "string", "format": "byte"}, "for": {}},
    }

    assert visible(schema, {"n": 1, "b": "YQ==", "for": 1, "more": 2}) == {"n": 1.0, "b": b"a", "__for__": 1}


def test_the_library_is_loaded_with_the_first_expression_and_not_before():
    program = "import netemu.api.validation, sys; sys.exit('cel_expr_python' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
