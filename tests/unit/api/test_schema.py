"""The published shapes: what they find, what they name, how fast they are compiled."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from netemu.api import schema
from netemu.api.errors import BadRequestError
from netemu.api.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    EVENT,
    INGRESS,
    KINDS,
    NODE,
    POD,
    SECRET,
    SERVICE,
)

ROOT = Path(__file__).resolve().parents[3]


def pod(**spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [], **spec}}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_kind_has_a_published_shape(kind):
    assert {"apiVersion", "kind", "metadata"} <= schema.shape_of(kind).properties.keys()


def test_a_well_shaped_object_has_no_findings():
    assert (
        schema.check(POD, pod(hostNetwork=True, containers=[{"name": "a", "image": "b"}]))
        == schema.Findings()
    )


@pytest.mark.parametrize(
    ("kind", "obj", "field", "message"),
    [
        pytest.param(
            SERVICE,
            {"spec": {"ports": [{"port": "80"}]}},
            "spec.ports[0].port",
            'expected an integer, got the string "80"',
            id="text-for-a-number",
        ),
        pytest.param(
            SERVICE,
            {"spec": {"ports": [{"port": True}]}},
            "spec.ports[0].port",
            "expected an integer, got the boolean true",
            id="a-boolean-is-no-number",
        ),
        pytest.param(
            SERVICE,
            {"spec": {"ports": [{"port": 1 << 40}]}},
            "spec.ports[0].port",
            "expected an integer of 32 bits, got 1099511627776",
            id="too-wide-a-number",
        ),
        pytest.param(
            SERVICE,
            {"spec": {"ports": {"port": 80}}},
            "spec.ports",
            "expected a list, got an object",
            id="object-for-a-list",
        ),
        pytest.param(
            SERVICE, {"spec": []}, "spec", "expected an object, got a list", id="list-for-an-object"
        ),
        pytest.param(
            SERVICE,
            {"spec": {"ports": [{"port": 80, "targetPort": 1.5}]}},
            "spec.ports[0].targetPort",
            "expected an integer or a string, got the number 1.5",
            id="int-or-string",
        ),
        pytest.param(
            CONFIG_MAP,
            {"data": {"game.properties": 1}},
            "data[game.properties]",
            "expected a string, got the number 1",
            id="a-key-with-a-dot-is-bracketed",
        ),
        pytest.param(
            POD,
            pod(hostNetwork="yes"),
            "spec.hostNetwork",
            'expected a boolean, got the string "yes"',
            id="text-for-a-boolean",
        ),
        pytest.param(
            POD,
            pod(containers=[None]),
            "spec.containers[0]",
            "expected an object, got null",
            id="null-is-no-item",
        ),
        pytest.param(
            POD,
            pod(containers=[{"name": "a", "resources": {"limits": {"cpu": "1x"}}}]),
            "spec.containers[0].resources.limits.cpu",
            '"1x": quantities must match the regular expression '
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            id="quantity",
        ),
        pytest.param(
            EVENT,
            {"metadata": {}, "involvedObject": {}, "firstTimestamp": "yesterday"},
            "firstTimestamp",
            '"yesterday": expected a time as in 2006-01-02T15:04:05Z',
            id="time",
        ),
        pytest.param(
            SECRET,
            {"data": {"key": "plain text!"}},
            "data.key",
            "illegal base64 data (plain text goes into stringData)",
            id="base64",
        ),
    ],
)
def test_a_wrong_type_names_its_field_and_both_types(kind, obj, field, message):
    findings = schema.check(kind, obj)

    assert [(cause.field, cause.message) for cause in findings.wrong] == [(field, message)]


@pytest.mark.parametrize(
    ("kind", "obj"),
    [
        pytest.param(SERVICE, {"spec": {"ports": [{"port": 80, "targetPort": "http"}]}}, id="named-port"),
        pytest.param(SERVICE, {"spec": {"ports": [{"port": 80, "nodePort": None}]}}, id="null-field"),
        pytest.param(POD, pod(containers=[{"name": "a", "resources": {"limits": {"cpu": 1}}}]), id="number"),
        pytest.param(NODE, {"status": {"capacity": {"pods": "110", "memory": "16Gi"}}}, id="quantities"),
        pytest.param(
            EVENT,
            {"metadata": {}, "involvedObject": {}, "eventTime": "2024-01-02T03:04:05.000006Z"},
            id="micro-time",
        ),
        pytest.param(POD, {"metadata": {"managedFields": [{"fieldsV1": {"f:a": {}}}]}}, id="free-form"),
    ],
)
def test_these_values_have_the_right_type(kind, obj):
    assert schema.check(kind, obj).wrong == ()


def test_unknown_fields_are_named_with_their_path():
    findings = schema.check(
        DEPLOYMENT,
        {"spec": {"replica": 1, "template": {"spec": {"containers": [{"name": "a", "imag": "b"}]}}}},
    )

    assert [cause.message for cause in findings.unknown] == [
        'unknown field "spec.replica"',
        'unknown field "spec.template.spec.containers[0].imag"',
    ]


def test_a_required_field_that_is_not_there_is_missing():
    findings = schema.check(SERVICE, {"spec": {"ports": [{"name": "http"}]}})

    assert [cause.field for cause in findings.missing] == ["spec.ports[0].port"]


def test_strict_decoding_speaks_as_the_api_server_does():
    findings = schema.check(POD, pod(foo=1))

    error = schema.strict_decoding_error(POD, findings.unknown)

    assert error.message == (
        'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.foo"'
    )
    assert error.http_status == 400


def test_a_decoding_error_names_the_field():
    findings = schema.check(DEPLOYMENT, {"spec": {"replicas": "three"}})

    assert schema.decoding_error(DEPLOYMENT, findings).message == (
        'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go'
        " struct field DeploymentSpec.spec.replicas of type int32"
    )


@pytest.mark.parametrize(
    ("kind", "obj", "refusal"),
    [
        pytest.param(
            SERVICE,
            {"spec": {"ports": [{"port": "x"}]}},
            "json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32",
            id="a string for a number",
        ),
        pytest.param(
            SERVICE,
            {"spec": {"ports": [{"port": 1.5}]}},
            "json: cannot unmarshal number 1.5 into Go struct field ServicePort.spec.ports.port"
            " of type int32",
            id="a fraction",
        ),
        pytest.param(
            SERVICE,
            {"spec": {"ports": [{"port": 1 << 40}]}},
            "json: cannot unmarshal number 1099511627776 into Go struct field ServicePort.spec.ports.port"
            " of type int32",
            id="too long for its type",
        ),
        pytest.param(
            SERVICE,
            {"spec": {"ports": {"port": 80}}},
            "json: cannot unmarshal object into Go struct field ServiceSpec.spec.ports of type"
            " []v1.ServicePort",
            id="an object for a list",
        ),
        pytest.param(
            SERVICE,
            {"spec": {"ports": ["http"]}},
            "json: cannot unmarshal string into Go struct field ServiceSpec.spec.ports"
            " of type v1.ServicePort",
            id="a string for an item",
        ),
        pytest.param(
            SERVICE,
            {"spec": {"ports": [{"port": 80, "targetPort": True}]}},
            "json: cannot unmarshal bool into Go struct field ServicePort.spec.ports.targetPort"
            " of type int32",
            id="neither number nor name",
        ),
        pytest.param(
            SERVICE,
            {"metadata": {"labels": {"a": 1}}},
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
            id="a value of a map",
        ),
        pytest.param(
            SERVICE,
            {"spec": {"type": 1, "clusterIP": 2}},
            "json: cannot unmarshal number into Go struct field ServiceSpec.spec.type of type v1.ServiceType",
            id="only the first",
        ),
        pytest.param(
            POD,
            pod(containers=[{"name": "a", "args": "x"}]),
            "json: cannot unmarshal string into Go struct field Container.spec.containers.args"
            " of type []string",
            id="a string for strings",
        ),
        pytest.param(
            POD,
            pod(containers=[{"name": "a", "resources": {"limits": {"cpu": "1x"}}}]),
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            id="no quantity",
        ),
        pytest.param(
            SECRET,
            {"data": {"a": "YWJj$$$$"}},
            "illegal base64 data at input byte 4",
            id="no base64",
        ),
        pytest.param(
            POD,
            {"metadata": {"creationTimestamp": "2006-01-02 03:04"}},
            'parsing time "2006-01-02 03:04" as "2006-01-02T15:04:05Z07:00": cannot parse " 03:04" as "T"',
            id="no time",
        ),
        pytest.param(
            POD, "x", "json: cannot unmarshal string into Go value of type v1.Pod", id="not even an object"
        ),
    ],
)
def test_wrong_types_are_told_as_gos_decoder_tells_them(kind, obj, refusal):
    assert schema.check(kind, obj).refusal == refusal


def test_bodies_that_are_only_sent_are_read_as_strictly():
    with pytest.raises(BadRequestError) as caught:
        schema.check_sent("Binding", "", "v1", {"target": "node-1"})

    assert caught.value.message == (
        'Binding in version "v1" cannot be handled as a Binding: json: cannot unmarshal string into Go struct'
        " field Binding.target of type v1.ObjectReference"
    )


@pytest.mark.parametrize(
    ("kind", "path", "key"),
    [
        pytest.param(POD, "spec.containers", "name", id="containers"),
        pytest.param(DEPLOYMENT, "spec.template.spec.containers.ports", "containerPort", id="nested"),
        pytest.param(SERVICE, "spec.ports", "port", id="service-ports"),
        pytest.param(SERVICE, "spec.clusterIPs", "", id="replaced-as-a-whole"),
        pytest.param(INGRESS, "spec.rules", "", id="atomic"),
        pytest.param(POD, "metadata.finalizers", "", id="scalars-have-none"),
        pytest.param(POD, "spec.nonsense.ports", "", id="unknown"),
    ],
)
def test_the_merge_key_of_a_list_is_found_by_its_path(kind, path, key):
    assert schema.merge_key(kind, path.split(".")) == key


def test_pruning_drops_unknown_fields_and_nulls_everywhere():
    pruned = schema.prune(
        POD, pod(foo=1, nodeName=None, containers=[{"name": "a", "bar": 1, "env": [{"name": "X", "y": 2}]}])
    )

    assert pruned["spec"] == {"containers": [{"name": "a", "env": [{"name": "X"}]}]}


def test_pruning_keeps_the_keys_of_maps():
    obj = {"metadata": {"labels": {"a": "b"}}, "data": {"any.key": "x"}}

    assert schema.prune(CONFIG_MAP, obj) == obj


def test_the_committed_file_says_where_it_comes_from():
    document = json.loads((ROOT / "netemu/api/schema.json").read_bytes())

    assert document["release"] == "v1.37.0"
    assert "kubernetes-validate==1.37.0" in document["source"]
    assert '"description": "' not in json.dumps(document)


def test_the_generator_refuses_a_file_that_is_no_wheel(tmp_path):
    wheel = tmp_path / "x.whl"
    wheel.write_text("no zip")

    done = subprocess.run(
        [sys.executable, ROOT / "scripts/generate-schema", wheel],
        capture_output=True,
        timeout=30,
        check=False,
    )

    assert done.returncode != 0
