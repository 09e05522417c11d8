"""Manifests as kubectl reads them, and JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.api.codec import ManifestError, decode_documents

SERVICE = """\
# the shop
apiVersion: v1
kind: Service
metadata:
  name: web
  labels: {app: web, example.com/tier: front}
spec:
  ports:
  - port: 80
    name: http
  - name: https

    port: 443
"""


def value_of(text):
    (document,) = decode_documents(f"value: {text}\n", "m.yaml")
    return document.object["value"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("on", True),
        ("y", True),
        ("Off", False),
        ("n", False),
        ('"yes"', "yes"),
        ("'on'", "on"),
        ("yEs", "yEs"),
        ("~", None),
        ("null", None),
        ("", None),
        ("10", 10),
        ("+5", 5),
        ("-7", -7),
        ("0755", 493),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b101", 5),
        ("089", 89),
        ("1_000", 1000),
        ("1.0", 1),
        ("1e3", 1000),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
        ("10.0.0.1", "10.0.0.1"),
        ("1.2.3", "1.2.3"),
        ("+", "+"),
        ("100m", "100m"),
        ("1Gi", "1Gi"),
        ("!!str 80", "80"),
        ('!!int "80"', 80),
        ("!!float 3", 3),
        ("!!binary aGk=", "hi"),
        ("!!timestamp 2024-01-01", "2024-01-01"),
        ("[a, 1, {b: c}]", ["a", 1, {"b": "c"}]),
        ("|\n  two\n  lines", "two\nlines\n"),
        ("18446744073709551615", 18446744073709551615),
    ],
)
def test_a_value_means_what_it_means_to_kubectl(text, value):
    read = value_of(text)

    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "keys"),
    [("1: a", {"1"}), ("yes: a", {"true"}), ("80.5: a", {"80.5"}), ("'a.b': c", {"a.b"})],
)
def test_keys_are_always_text(text, keys):
    (document,) = decode_documents(text, "m.yaml")

    assert document.object.keys() == keys


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("", 2),
        ("metadata.name", 5),
        ("metadata.labels[example.com/tier]", 6),
        ("spec.ports[0]", 9),
        ("spec.ports[0].name", 10),
        ("spec.ports[1].port", 13),
        ("spec.ports[1].nodePort", 11),
        ("spec.type", 7),
        ("spec.ports[7].port", 8),
        ("status.phase", 2),
    ],
)
def test_every_field_has_a_line_and_a_missing_one_that_of_its_owner(path, line):
    (document,) = decode_documents(SERVICE, "shop.yaml")

    assert document.line_of(path) == line


def test_documents_are_separated_by_dashes_and_empty_ones_are_nothing():
    documents = decode_documents("---\nkind: A\n---\n# nothing\n---\nkind: B\n...\n", "m.yaml")

    assert [(d.object["kind"], d.line) for d in documents] == [("A", 2), ("B", 6)]


def test_a_list_gives_its_items_with_their_own_lines():
    text = "kind: List\nitems:\n- kind: A\n  spec:\n    x: 1\n- kind: PodList\n  items:\n  - {kind: Pod}\n"

    first, second = decode_documents(text, "m.yaml")

    assert (first.object["kind"], first.line, first.line_of("spec.x")) == ("A", 3, 5)
    assert (second.object["kind"], second.line) == ("Pod", 8)


def test_aliases_and_merge_keys_are_followed():
    text = "base: &b {x: 1, z: 2}\nother: *b\nmerged: {z: 3, <<: *b}\nboth: {<<: [{x: 7}, *b]}\n"

    (document,) = decode_documents(text, "m.yaml")

    assert document.object["other"] == {"x": 1, "z": 2}
    assert document.object["merged"] == {"x": 1, "z": 3}
    assert document.object["both"] == {"x": 7, "z": 2}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        pytest.param("a: 1\nb: 2\na: 3\n", 3, 'key "a" is already set in this object, on line 1', id="twice"),
        pytest.param('{"a": 1,\n "a": 2}', 2, 'key "a" is already set', id="twice-in-json"),
        pytest.param("a:\n\tb: 1\n", 2, "not valid YAML", id="tab"),
        pytest.param("a: b: c\n", 1, "mapping values are not allowed", id="two-colons"),
        pytest.param("kind: A\n---\n- x\n", 3, "expected an object with apiVersion and kind", id="list"),
        pytest.param("just text\n", 1, "expected an object", id="text"),
        pytest.param('{"a": ]', 1, "not valid", id="broken-json"),
        pytest.param("a: .inf\n", 1, "has no JSON form", id="infinity"),
        pytest.param("a: !python/object x\n", 1, "has no meaning here", id="foreign-tag"),
        pytest.param("a: !!int x\n", 1, 'cannot decode "x"', id="tag-and-value-disagree"),
        pytest.param("a: &x [*x]\n", 1, "an alias that contains itself", id="recursion"),
        pytest.param("? [a]\n: b\n", 1, "a key must be a text", id="list-as-key"),
        pytest.param("a: {<<: 1}\n", 1, "map merge requires", id="merge-of-a-number"),
        pytest.param("~: 1\n", 1, "a key must not be empty", id="null-as-key"),
        pytest.param("a: 1e999\n", 1, "is too large", id="too-large"),
        pytest.param("a: \x01\n", 1, "not valid YAML", id="control-character"),
    ],
)
def test_what_cannot_be_read_is_named_with_file_and_line(text, line, words):
    with pytest.raises(ManifestError) as caught:
        decode_documents(text, "m.yaml")

    assert caught.value.message.startswith(f"m.yaml:{line}: ")
    assert words in caught.value.message


def test_items_of_items_know_their_lines():
    text = """
kind: List
items:
- kind: PodList
  items:
  - kind: Pod
    spec: {nodeName: a}
- kind: Service
  spec:
    ports:
    - port: 80
"""

    pod, service = decode_documents(text, "m.yaml")

    assert (pod.line, pod.line_of("spec.nodeName")) == (6, 7)
    assert (service.line, service.line_of("spec.ports[0].port")) == (8, 11)


def test_an_alias_bomb_is_refused_and_not_unfolded():
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 10))

    with pytest.raises(ManifestError, match="excessive aliasing"):
        decode_documents(f"l0: &l0 [x]\n{levels}", "bomb.yaml")


def test_json_values_that_yaml_cannot_read_are_read_as_json():
    text = '{"kind": "A", "x": "\\ud83d\\ude00"}\n\n{"kind": "B"}\n'

    first, second = decode_documents(text, "m.json")

    assert first.object == {"kind": "A", "x": "😀"}
    assert second.line == 3


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(codec="utf-8")),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), json_values, max_size=4))
def test_json_is_read_as_itself(obj):
    documents = decode_documents(json.dumps({**obj, "kind": "A"}), "m.json")

    assert [d.object for d in documents] == [{**obj, "kind": "A"}]
