"""Rules of ``x-kubernetes-validations``; many are those that Gateway API, Istio and others publish."""

from __future__ import annotations

import pytest

from netemu.api.crd import objects
from netemu.api.crd.expressionrules import check_expressions
from netemu.api.crd.version import CustomVersion

TEXT, INT = {"type": "string"}, {"type": "integer"}


def fields(properties, *rules, **more):
    return {"type": "object", "properties": properties, **validated(rules), **more}


def items(of, *rules, **more):
    return {"type": "array", "items": of, **validated(rules), **more}


def validated(rules):
    named = [{"rule": rule} if isinstance(rule, str) else rule for rule in rules]
    return {"x-kubernetes-validations": named} if named else {}


def said(spec, new, old=None):
    version = CustomVersion(definition="x", list_kind="XList", schema=fields({"spec": spec}))
    was = {"metadata": {}, "spec": old} if old is not None else None
    causes = objects.check(version, {"metadata": {}, "spec": new}, was)
    return [f"{cause.field}: {cause.message}" for cause in causes]


LISTENERS = items(
    fields({"name": TEXT, "port": INT, "protocol": TEXT, "hostname": TEXT, "tls": fields({"mode": TEXT})}),
    {
        "message": "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']",
        "rule": "self.all(l, l.protocol in ['HTTP', 'TCP', 'UDP'] ? !has(l.tls) : true)",
    },
    {
        "message": "Listener name must be unique within the Gateway",
        "rule": "self.all(l1, self.exists_one(l2, l1.name == l2.name))",
    },
    {
        "message": "Combination of port, protocol and hostname must be unique for each listener",
        "rule": (
            "self.all(l1, self.exists_one(l2, l1.port == l2.port && l1.protocol == l2.protocol &&"
            " (has(l1.hostname) && has(l2.hostname) ? l1.hostname == l2.hostname :"
            " !has(l1.hostname) && !has(l2.hostname))))"
        ),
    },
)
HTTP, TLS = {"name": "http", "port": 80, "protocol": "HTTP"}, {"mode": "Terminate"}
PARENT_REFS = items(
    fields({"name": TEXT, "namespace": TEXT, "sectionName": TEXT}),
    {
        "message": "sectionName must be unique when parentRefs includes references to the same parent",
        "rule": (
            "self.all(p1, self.exists_one(p2, p1.name == p2.name && (((!has(p1.__namespace__) ||"
            " p1.__namespace__ == '') && (!has(p2.__namespace__) || p2.__namespace__ == '')) ||"
            " (has(p1.__namespace__) && has(p2.__namespace__) && p1.__namespace__ == p2.__namespace__))"
            " && (((!has(p1.sectionName) || p1.sectionName == '') && (!has(p2.sectionName) ||"
            " p2.sectionName == '')) || (has(p1.sectionName) && has(p2.sectionName) &&"
            " p1.sectionName == p2.sectionName))))"
        ),
    },
)
PATH = fields(
    {"type": TEXT, "value": TEXT},
    {
        "message": "value must be an absolute path and start with '/' when type is Exact or PathPrefix",
        "rule": "(self.type in ['Exact','PathPrefix']) ? self.value.startsWith('/') : true",
    },
    {
        "message": "must only contain valid characters",
        "rule": (
            "(self.type in ['Exact','PathPrefix']) ?"
            ' self.value.matches(r"""^(?:[-A-Za-z0-9/._~!$&\'()*+,;=:@]|[%][0-9a-fA-F]{2})+$""") : true'
        ),
    },
)
TIMEOUTS = fields(
    {"request": TEXT, "backendRequest": TEXT},
    {
        "message": "backendRequest timeout cannot be longer than request timeout",
        "rule": (
            "!(has(self.request) && has(self.backendRequest) && duration(self.request) != duration('0s')"
            " && duration(self.backendRequest) > duration(self.request))"
        ),
    },
)
ONE_OF = fields(
    {"jwks": TEXT, "jwksUri": TEXT},
    {
        "message": "only one of jwks or jwksUri can be set",
        "rule": "(has(self.jwks)?1:0)+(has(self.jwksUri)?1:0)<=1",
    },
)
PROXY = {
    **TEXT,
    **validated(
        [
            {"message": "must be a valid URL", "rule": "isURL(self)"},
            {
                "message": "scheme must be https",
                "rule": "isURL(self) ? url(self).getScheme() == 'https' : true",
            },
        ]
    ),
}


def object_is(path, message):
    return [f'{path}: Invalid value: "object": {message}']


@pytest.mark.parametrize(
    ("spec", "value", "expected"),
    [
        pytest.param(LISTENERS, [HTTP, {**HTTP, "name": "b", "hostname": "x"}], [], id="listeners"),
        pytest.param(
            LISTENERS,
            [HTTP, {**HTTP, "port": 81}],
            ['spec: Invalid value: "array": Listener name must be unique within the Gateway'],
            id="listener-names",
        ),
        pytest.param(
            LISTENERS,
            [{**HTTP, "tls": TLS}],
            [f'spec: Invalid value: "array": {LISTENERS["x-kubernetes-validations"][0]["message"]}'],
            id="listener-tls",
        ),
        pytest.param(PARENT_REFS, [{"name": "a"}, {"name": "a", "namespace": "b"}], [], id="parents"),
        pytest.param(
            PARENT_REFS,
            [{"name": "a"}, {"name": "a", "namespace": "", "sectionName": ""}],
            [f'spec: Invalid value: "array": {PARENT_REFS["x-kubernetes-validations"][0]["message"]}'],
            id="parents-doubled",
        ),
        pytest.param(PATH, {"type": "Exact", "value": "/a%20b"}, [], id="path"),
        pytest.param(
            PATH,
            {"type": "Exact", "value": "/a b"},
            object_is("spec", PATH["x-kubernetes-validations"][1]["message"]),
            id="path-characters",
        ),
        pytest.param(TIMEOUTS, {"request": "0s", "backendRequest": "10s"}, [], id="timeouts"),
        pytest.param(
            TIMEOUTS,
            {"request": "1s", "backendRequest": "1500ms"},
            object_is("spec", "backendRequest timeout cannot be longer than request timeout"),
            id="timeouts-longer",
        ),
        pytest.param(
            ONE_OF,
            {"jwks": "a", "jwksUri": "b"},
            object_is("spec", "only one of jwks or jwksUri can be set"),
            id="one-of",
        ),
        pytest.param(PROXY, "https://x/y", [], id="url"),
        pytest.param(
            PROXY, "http://x/y", ['spec: Invalid value: "string": scheme must be https'], id="url-scheme"
        ),
        pytest.param(PROXY, "x y", ['spec: Invalid value: "string": must be a valid URL'], id="no-url"),
    ],
)
def test_published_rules_hold(spec, value, expected):
    assert said(spec, value) == expected


def test_a_rule_without_a_message_is_its_own_message():
    spec = fields({"x": INT, "y": INT}, "self.x + self.y > 0")

    assert said(spec, {"x": 0, "y": 0}) == object_is("spec", "failed rule: self.x + self.y > 0")
    assert said(spec, {"x": 0, "y": 1}) == []


def test_a_rule_that_cannot_be_evaluated_is_broken():
    spec = fields({"x": INT}, "self.x > 0")

    assert said(spec, {}) == object_is("spec", "no such key: x evaluating rule: self.x > 0")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("'x is ' + string(self.x)", "x is 0"),
        ("'several\\nlines'", "plain"),
        ("string(self.y)", "plain"),
        ("''", "plain"),
    ],
)
def test_a_message_can_be_an_expression_with_a_plain_one_behind_it(expression, message):
    spec = fields(
        {"x": INT, "y": INT}, {"rule": "self.x > 0", "message": "plain", "messageExpression": expression}
    )

    assert said(spec, {"x": 0}) == object_is("spec", message)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("FieldValueForbidden", "spec.x: Forbidden: no"),
        ("FieldValueRequired", "spec.x: Required value: no"),
        ("FieldValueDuplicate", 'spec.x: Duplicate value: "object"'),
        ("FieldValueInvalid", 'spec.x: Invalid value: "object": no'),
    ],
)
def test_a_rule_says_which_field_is_wrong_and_how(reason, expected):
    rule = {"rule": "!has(self.x)", "message": "no", "reason": reason, "fieldPath": ".x"}

    assert said(fields({"x": INT}, rule), {"x": 1}) == [expected]


IMMUTABLE = {**TEXT, **validated([{"rule": "self == oldSelf", "message": "Value is immutable"}])}


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        ({"a": "x"}, None, []),
        ({"a": "x"}, {}, []),
        ({"a": "x"}, {"a": "x", "b": 1}, []),
        ({"a": "x"}, {"a": "y"}, ['spec.a: Invalid value: "string": Value is immutable']),
    ],
)
def test_rules_about_changes_hold_for_what_was_there_before(new, old, expected):
    assert said(fields({"a": IMMUTABLE, "b": INT}), new, old) == expected


@pytest.mark.parametrize(("old", "count"), [(None, 0), ({}, 1), ({"a": "x"}, 0), ({"a": "y"}, 1)])
def test_with_an_optional_past_a_rule_holds_for_what_is_new_too(old, count):
    rule = {"rule": "!has(self.a) || (oldSelf.hasValue() ? oldSelf.?a == optional.of(self.a) : true)"}
    spec = fields({"a": TEXT}, {**rule, "optionalOldSelf": True})

    assert len(said(spec, {"a": "x"}, old)) == count


def test_items_with_keys_have_a_past_and_others_have_none():
    item = fields({"name": TEXT, "size": {**INT, **validated(["self >= oldSelf"])}})
    keyed = items(item, **{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]})
    old = [{"name": "a", "size": 2}, {"name": "b", "size": 5}]
    new = [{"name": "b", "size": 4}, {"name": "a", "size": 3}]

    assert said(keyed, new, old) == ['spec[0].size: Invalid value: "integer": failed rule: self >= oldSelf']
    assert said(items(item), new, old) == []


def test_what_was_there_before_a_rule_may_stay():
    spec = fields({"a": {**INT, "minimum": 5, **validated(["self > 5"])}, "b": INT})

    assert said(spec, {"a": 1, "b": 2}, {"a": 1, "b": 1}) == []
    assert len(said(spec, {"a": 2, "b": 2}, {"a": 1, "b": 1})) == 2


def test_rules_wait_until_the_shape_is_right():
    spec = fields({"a": INT}, "self.a > 0", required=["a"])

    assert said(spec, {})[-1] == (
        '<nil>: Invalid value: "null": some validation rules were not checked because the object was invalid;'
        " correct the existing errors to complete validation"
    )


def test_keys_of_maps_are_seen_as_they_are_and_said_in_brackets():
    values = {**INT, **validated(["self > 0"])}
    spec = {"type": "object", "additionalProperties": values, **validated(["self.all(k, size(k) < 9)"])}

    assert said(spec, {"a.b/c": 0}) == ['spec[a.b/c]: Invalid value: "integer": failed rule: self > 0']


def test_a_whole_object_has_a_name_and_a_kind():
    schema = fields({}, "self.metadata.name.size() < 3 && self.kind == 'Toy'")
    version = CustomVersion(definition="x", list_kind="XList", schema=schema)
    made = {"apiVersion": "a/v1", "kind": "Toy", "metadata": {"name": "abc", "labels": {}}}
    (cause,) = objects.check(version, made)

    assert cause.field == ""
    assert list(objects.check(version, {**made, "metadata": {"name": "ab"}})) == []


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (
            {"rule": "self.z == 100"},
            '.rule: Invalid value: "self.z == 100": compilation failed: ERROR: <input>:1:5: undefined field',
        ),
        (
            {"rule": "self.x =="},
            '.rule: Invalid value: "self.x ==": compilation failed: ERROR: <input>:1:10:',
        ),
        ({"rule": "self.x > 0 || self.x < 0 ? true : self.x == 0"}, ""),
        (
            {"rule": "self.x + 1"},
            '.rule: Invalid value: "self.x + 1": cel expression must evaluate to a bool',
        ),
        (
            {"rule": "size(self) + 1"},
            '.rule: Invalid value: "size(self) + 1": cel expression must evaluate to a bool',
        ),
        ({"rule": " "}, ".rule: Required value: rule is not specified"),
        (
            {"rule": "true", "message": " "},
            '.message: Invalid value: " ": message must be non-empty if specified',
        ),
        (
            {"rule": "true", "message": "a\nb"},
            '.message: Invalid value: "a\\nb": message must not contain line breaks',
        ),
        (
            {"rule": "true\n&& true"},
            ".message: Required value: message must be specified if rule contains line breaks",
        ),
        ({"rule": "true", "reason": "Bad"}, '.reason: Unsupported value: "Bad": supported values:'),
        (
            {"rule": "true", "messageExpression": "1 + 1"},
            '.messageExpression: Invalid value: "1 + 1": messageExpression must evaluate to a string',
        ),
        (
            {"rule": "true", "messageExpression": "self.("},
            '.messageExpression: Invalid value: "self.(": messageExpression compilation failed: ERROR',
        ),
    ],
)
def test_rules_are_checked_with_their_definition(rule, expected):
    found = [
        f"{cause.field}: {cause.message}".removeprefix("s.properties[spec].x-kubernetes-validations[0]")
        for cause in check_expressions(fields({"spec": fields({"x": INT}, rule)}), "s")
    ]

    assert [each[: len(expected)] for each in found] == [expected] * bool(expected)


def test_what_has_no_past_may_not_ask_for_it():
    schema = fields({"list": items({**INT, **validated(["self > oldSelf"])})})
    (cause,) = check_expressions(schema, "s")

    assert cause.message.endswith(
        "oldSelf cannot be used on the uncorrelatable portion of the schema within s.properties[list]"
    )
