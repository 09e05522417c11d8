"""What the answers of webhooks mean, and what is said of those that mean nothing."""

from __future__ import annotations

from base64 import b64encode

import msgspec
import pytest

from netemu.api.errors import ApiError
from netemu.api.kinds import CONFIG_MAP
from netemu.apiserver.hooks.attempt import Attempt
from netemu.apiserver.hooks.review import BadAnswerError, patched, read

HEAD = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"}
CALLED, RECEIVED = "failed to call webhook: ", "received invalid webhook response: "
NO_FIELD = "json: cannot unmarshal number into Go struct field "
NOT_V1 = "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got"
INTERNAL = "Internal error occurred: "


def answer(**response):
    return msgspec.json.encode({**HEAD, "response": {"uid": "u", "allowed": True, **response}})


def encoded(patch):
    return {"patchType": "JSONPatch", "patch": b64encode(msgspec.json.encode(patch)).decode()}


def attempt(kind=CONFIG_MAP, **data):
    obj = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "c"}, "data": data}
    return Attempt(operation="CREATE", kind=kind, name="c", object=obj)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"hello", f"{CALLED}couldn't get version/kind; json parse error: "),
        (b"[]", f"{CALLED}json: cannot unmarshal array into Go value of type v1.AdmissionReview"),
        (b"{}", f"{RECEIVED}webhook response was absent"),
        (b'{"response":{"uid":"u"}}', f"{RECEIVED}{NOT_V1} /, Kind="),
        (
            msgspec.json.encode({**HEAD, "apiVersion": "admission.k8s.io/v1beta1", "response": {}}),
            f"{RECEIVED}{NOT_V1} admission.k8s.io/v1beta1, Kind=AdmissionReview",
        ),
        (answer(uid="x"), f'{RECEIVED}expected response.uid="u", got "x"'),
        (
            answer(warnings=5),
            f"{CALLED}{NO_FIELD}AdmissionResponse.response.warnings of type []string",
        ),
        (answer(warnings=[5]), f"{CALLED}json: cannot unmarshal number into Go struct field"),
        (answer(status="no"), f"{CALLED}json: cannot unmarshal string into Go struct field"),
        (answer(status={"code": "abc"}), f"{CALLED}json: cannot unmarshal string into Go struct field"),
        (answer(allowed="yes"), f"{CALLED}json: cannot unmarshal string into Go struct field"),
        (answer(patch="%%%", patchType="JSONPatch"), f"{CALLED}illegal base64 data at input byte 0"),
        (
            answer(patch=5, patchType="JSONPatch"),
            f"{CALLED}json: cannot unmarshal number into Go struct field",
        ),
        (answer(patch="W10="), f"{RECEIVED}webhook returned response.patch but not response.patchType"),
        (
            answer(patchType="JSONPatch"),
            f"{RECEIVED}webhook returned response.patchType but not response.patch",
        ),
        (
            answer(patch="W10=", patchType=""),
            f'{RECEIVED}webhook returned invalid response.patchType of ""',
        ),
        (answer(patch="W10=", patchType="MergePatch"), 'unsupported patch type "MergePatch"'),
        (answer(patch="W3s=", patchType="JSONPatch"), "received undecodable patch in webhook response: "),
    ],
)
def test_what_is_no_answer_is_said_in_the_words_of_kubernetes(body, said):
    with pytest.raises(BadAnswerError) as caught:
        read(body, "u", "v1", may_change=True)

    assert caught.value.message.startswith(said)


@pytest.mark.parametrize("given", ["patch", "patchType"])
def test_a_webhook_that_only_checks_changes_nothing(given):
    with pytest.raises(BadAnswerError) as caught:
        read(answer(**{given: "W10="}), "u", "v1", may_change=False)

    assert caught.value.message == f"{RECEIVED}validating webhook may not return response.{given}"


def test_the_older_review_needs_neither_head_nor_type_of_patch():
    body = msgspec.json.encode({"response": {"allowed": True, "patch": "W10="}})

    verdict = read(body, "u", "v1beta1", may_change=True)

    assert (verdict.allowed, verdict.patch) == (True, [])


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ({}, "json: cannot unmarshal object into Go value of type jsonpatch.Patch"),
        ([5], "json: cannot unmarshal number into Go value of type jsonpatch.Operation"),
    ],
)
def test_what_is_no_patch_is_no_answer(patch, said):
    with pytest.raises(BadAnswerError) as caught:
        patched(attempt(), "a", patch)

    assert caught.value.message == f"received undecodable patch in webhook response: {said}"


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        ({"op": "add"}, "add operation failed to decode path: missing value"),
        ({"path": "/data"}, "Unexpected kind: unknown"),
        ({"op": "swap", "path": "/data"}, "Unexpected kind: swap"),
        ({"op": "remove", "path": "/x"}, 'remove operation does not apply: doc is missing path: "/x"'),
        ({"op": "test", "path": "/data", "value": 1}, "testing value /data failed: test failed"),
        (
            {"op": "replace", "path": "/data", "value": 5},
            "json: cannot unmarshal number into Go struct field ConfigMap.data of type map[string]string",
        ),
        (
            {"op": "replace", "path": "/metadata", "value": "x"},
            "json: cannot unmarshal string into Go struct field ConfigMap.metadata of type v1.ObjectMeta",
        ),
        (
            {"op": "replace", "path": "", "value": 5},
            "json: cannot unmarshal number into Go value of type v1.Con",
        ),
    ],
    ids=str,
)
def test_a_patch_that_makes_no_object_is_an_error_within(operation, said):
    with pytest.raises(ApiError) as caught:
        patched(attempt(), "a", [operation])

    assert caught.value.http_status == 500
    assert caught.value.message.startswith(INTERNAL + said)


def test_what_is_not_there_cannot_be_changed():
    gone = Attempt(operation="DELETE", kind=CONFIG_MAP, name="c", old={"metadata": {"name": "c"}})

    with pytest.raises(ApiError) as caught:
        patched(gone, "a", [{"op": "add", "path": "/data", "value": {}}])

    assert caught.value.message == (
        f'{INTERNAL}admission webhook "a" attempted to modify the object, which is not supported for this'
        " operation"
    )


def test_what_nobody_knows_is_dropped():
    made = patched(attempt(a="1"), "a", [{"op": "add", "path": "/colour", "value": "red"}])

    assert made == attempt(a="1").object
