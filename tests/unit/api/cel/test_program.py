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
        ("cidr('10.0.0.0/8').isMasked() && !cidr('10.0.0.1/8').isMasked()", True),
        ("string(ip('::1')) + string(cidr('10.0.0.0/8'))", "::110.0.0.0/8"),
        ("semver('1.2.3').isGreaterThan(semver('1.2.3-rc.1'))", True),
        ("semver('1.2.3-rc.2').compareTo(semver('1.2.3-rc.11'))", -1),
        (
            "semver('1.2.3-a.b').isLessThan(semver('1.2.3-a.b.c')) && semver('1.0.0') == semver('1.0.0+x')",
            True,
        ),
        ("semver('v01.2', true) == semver('1.2.0') && !isSemver('v1.2.0') && !isSemver('1.02.0')", True),
        ("[semver('1.2.3').major(), semver('1.2.3').minor(), semver('1.2.3').patch()]", [1, 2, 3]),
        ("format.dns1123Label().validate('my-name').hasValue()", False),
        ("format.dns1123Label().validate('My').value().size()", 1),
        ("format.named('dns1035LabelPrefix').value().validate('my-').orValue(['x'])", ["x"]),
        ("format.named('none').hasValue()", False),
        ("format.uri().validate('x y').value()", ['parse "x y": invalid URI for request']),
        ("format.uuid().validate('x').value()", ["does not match the UUID format"]),
        ("format.byte().validate('%').value()", ["invalid base64"]),
        ("format.date().validate('2021-02-30').value()", ["invalid date"]),
        ("format.datetime().validate('2021-01-01T00:00:00Z').hasValue()", False),
        ("format.datetime().validate('2021-01-01').value()", ["invalid datetime"]),
        (
            "format.qualifiedName().validate('a.b/c').orValue(format.labelValue().validate('a').orValue([]))",
            [],
        ),
        ("image('nginx').registry() + '/' + image('nginx').repository()", "index.docker.io/library/nginx"),
        ("image('registry.k8s.io/a/b:c').tag() + image('registry.k8s.io/a/b').identifier()", "clatest"),
        (
            "image('a/b@sha256:' + 'ab01'.replace('ab01', self.?h.orValue('x'))).containsDigest() || true",
            True,
        ),
        ("isImage('registry.k8s.io//a') || isImage('UPPER') || isImage('a:b@sha256:1')", False),
        ("[3, 4, 3].indexOf(3) + [3, 4, 3].lastIndexOf(3) + [3].indexOf(5) + 'abc'.indexOf('c')", 3),
        ("[].sum() == 0 && [0.5, 1.5].sum() == 2.0 && ['b', 'a'].min() == 'a'", True),
        ("jsonpatch.escapeKey('k8s.io/my~label')", "k8s.io~1my~0label"),
        ("[1, 2].all(i, v, v == i + 1) && {'a': 1}.exists(k, v, k == 'a' && v == 1)", True),
        ("['a', 'b'].existsOne(i, v, i > 0) && [1, 2].existsOne(v, v == 1)", True),
        ("['a', 'b'].transformList(i, v, i > 0, v + '()')", ["b()"]),
        ("{'a': 1, 'b': 2}.transformMap(k, v, v > 1, [k].map(x, x + string(v))[0])", {"b": "b2"}),
        ("['x', 'y'].transformMapEntry(i, v, {v: i})", {"x": 0, "y": 1}),
        ("[[1, 2], [2]].all(i, l, l.all(j, v, v == i + j + 1))", True),
        ("'%s has %d of %.1f'.format(['a', 2, 3.25])", "a has 2 of 3.2"),
        ("math.greatest([1, 3, 2]) + math.least(4, 5) + math.abs(-1)", 8),
        ("base64.encode(b'hello') + string(base64.decode('aGk='))", "aGVsbG8=hi"),
        ("strings.quote('a') + 'hello'.substring(1, 3).upperAscii() + ' x '.trim()", '"a"ELx'),
        ("optional.of(1).optMap(x, x + 1).value() + optional.none().orValue(1)", 3),
        ("[?self.?a, 1].size() + {?'a': self.?a, 'b': 1}.size()", 2),
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
        ("semver('200K')", "No Major.Minor.Patch elements found"),
        ("semver('1.2.03')", 'Patch number must not contain leading zeroes "03"'),
        ("semver('1.2.x')", 'Invalid character(s) found in patch number "x"'),
        ("semver('1.2-a', true)", "short version cannot contain PreRelease/Build meta data"),
        ("semver('1.2.3').isLessThan(quantity('1'))", "no such overload"),
        ("image('a//b')", "could not parse reference: a//b"),
        ("['x', 'x'].transformMapEntry(i, v, {v: i})", "insert failed: key x already exists"),
        ("self.?a", "no such overload"),
        ("format.uri().validate('/').value()", "optional.none() dereference"),
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
        (
            "format.uri().validate('').hasValue() &&\n  [1].all(i, v, v > other)",
            "ERROR: <input>:2:21: undeclared reference to 'other' (in container '')\n |   [1].all(i",
        ),
    ],
)
def test_what_is_no_expression_is_said_in_the_words_of_cel(text, said):
    with pytest.raises(CompileError) as caught:
        compile_expression(text, ("self",))

    assert caught.value.message.startswith(said)


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
    said = complaints(compile_expression(text, ("self",)), {"self": as_root(SCHEMA)})

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
