"""``agnhost webhook``: admission webhooks that allow, refuse and change as tests expect.

Source: Kubernetes ``test/images/agnhost/webhook``.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from netemu.agnhost.flags import parse_flags, parse_number_flag
from netemu.agnhost.model import Listener, Request, Response, Setting, Surroundings, Tls

FLAGS = {"tls-cert-file": "", "tls-private-key-file": "", "port": "443", "sidecar-image": ""}
DELAY_S = 5.0
_TEST = "webhook-e2e-test"

Json = dict[str, Any]
Decide = Callable[[Json], Json | Awaitable[Json]]
"""Gives the response to a review's request."""


def build(setting: Setting, surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve every webhook at its path."""
    flags = parse_flags(setting.args, FLAGS)
    answer = _Webhooks(flags["sidecar-image"], surroundings).answer
    port = parse_number_flag("port", flags["port"])
    return (Listener(port, Tls(answer, flags["tls-cert-file"], flags["tls-private-key-file"])),)


class _Webhooks:
    def __init__(self, sidecar_image: str, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._decisions: dict[str, Decide] = {
            "/always-allow-delay-5s": _allow_later,
            "/always-deny": lambda _: _refused(message="this webhook denies all requests"),
            "/add-label": _add_label,
            "/pods": _check_pod,
            "/pods/attach": _check_attachment,
            "/mutating-pods": _add_init_container,
            "/mutating-pods-sidecar": partial(_add_sidecar, sidecar_image),
            "/configmaps": partial(_check_data, "the configmap contains unwanted key and value", "configmap"),
            "/mutating-configmaps": _mutate_data,
            "/custom-resource": partial(
                _check_data, "the custom resource contains unwanted data", "custom resource"
            ),
            "/mutating-custom-resource": _mutate_data,
            "/crd": _check_definition,
        }

    async def answer(self, request: Request) -> Response:
        if request.path == "/readyz":
            return Response(b"ok")
        decide = self._decisions.get(request.path)
        if decide is None:
            return Response(b"404 page not found\n", 404)
        if request.header("content-type") != "application/json":
            self._surroundings.log(f"contentType={request.header('content-type')}, expect application/json")
            return Response()
        try:
            review = json.loads(request.body)
            asked = review["request"]
        except (ValueError, KeyError, TypeError) as err:
            return Response(f"Request could not be decoded: {err}\n".encode(), 400)
        decided = decide(asked)
        response = decided if isinstance(decided, dict) else await decided
        said = {key: review.get(key) for key in ("kind", "apiVersion")}
        body = json.dumps({**said, "response": {"uid": asked.get("uid"), **response}})
        return Response(body.encode(), content_type="application/json")


def _allowed(patch: list[Json] | None = None) -> Json:
    if not patch:
        return {"allowed": True}
    encoded = b64encode(json.dumps(patch).encode()).decode()
    return {"allowed": True, "patch": encoded, "patchType": "JSONPatch"}


def _refused(**status: Any) -> Json:
    return {"allowed": False, "status": {"metadata": {}, **status}}


async def _allow_later(_asked: Json) -> Json:
    await asyncio.sleep(DELAY_S)
    return {"allowed": True, "status": {"metadata": {}, "message": "this webhook allows all requests"}}


def _add_label(asked: Json) -> Json:
    labels = asked["object"]["metadata"].get("labels") or {}
    if not labels:
        return _allowed([{"op": "add", "path": "/metadata/labels", "value": {"added-label": "yes"}}])
    if labels.get("added-label") == "yes":
        return _allowed()
    how = "replace" if "added-label" in labels else "add"
    return _allowed([{"op": how, "path": "/metadata/labels/added-label", "value": "yes"}])


async def _check_pod(asked: Json) -> Json:
    pod = asked["object"]
    label = (pod["metadata"].get("labels") or {}).get(_TEST)
    if label == "wait-forever":
        await asyncio.get_running_loop().create_future()
    why = ["the pod contains unwanted label;"] if label == "webhook-disallow" else []
    names = [container["name"] for container in pod["spec"]["containers"]]
    why += ["the pod contains unwanted container name;" for name in names if "webhook-disallow" in name]
    return _refused(message=" ".join(why)) if why else _allowed()


def _check_attachment(asked: Json) -> Json:
    options = asked["object"]
    is_it = asked.get("name") == "to-be-attached-pod" and asked.get("subResource") == "attach"
    if is_it and options.get("stdin") and options.get("container") == "container1":
        return _refused(message="attaching to pod 'to-be-attached-pod' is not allowed")
    return _allowed()


def _add_init_container(asked: Json) -> Json:
    pod, added = asked["object"], "webhook-added-init-container"
    names = [container["name"] for container in pod["spec"].get("initContainers") or ()]
    if pod["metadata"].get("name") != "webhook-to-be-mutated" or added in names:
        return _allowed()
    container = {"image": "webhook-added-image", "name": added, "resources": {}}
    return _allowed([{"op": "add", "path": "/spec/initContainers", "value": [container]}])


def _add_sidecar(image: str, asked: Json) -> Json:
    if not image:
        why = "No image specified by the sidecar-image parameter"
        return _refused(status="Failure", message=why, code=500)
    added = "webhook-added-sidecar"
    if added in [container["name"] for container in asked["object"]["spec"]["containers"]]:
        return _allowed()
    container = {"image": image, "name": added, "resources": {}}
    return _allowed([{"op": "add", "path": "/spec/containers/-", "value": container}])


def _check_data(unwanted: str, what: str, asked: Json) -> Json:
    is_deleted = asked["operation"] == "DELETE"
    obj = asked["oldObject" if is_deleted else "object"] or {}
    value = (obj.get("data") or {}).get(_TEST)
    if value == "webhook-nondeletable" and is_deleted:
        why = f"the {what} cannot be deleted because it contains unwanted key and value"
        return _refused(reason=why)
    if value == "webhook-disallow" and not is_deleted:
        return _refused(reason=unwanted)
    return _allowed()


def _mutate_data(asked: Json) -> Json:
    data = asked["object"].get("data") or {}
    if data.get("mutation-stage-1") == "yes":
        return _allowed([{"op": "add", "path": "/data/mutation-stage-2", "value": "yes"}])
    if data.get("mutation-start") == "yes":
        return _allowed([{"op": "add", "path": "/data/mutation-stage-1", "value": "yes"}])
    return _allowed()


def _check_definition(asked: Json) -> Json:
    labels = (asked["object"] or {}).get("metadata", {}).get("labels") or {}
    if labels.get(_TEST) == "webhook-disallow":
        return _refused(message="the crd contains unwanted label")
    return _allowed()
