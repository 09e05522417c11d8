"""Objects of custom kinds in other versions, where a webhook knows how.

Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#webhook-conversion
and apiextensions-apiserver ``pkg/apiserver/conversion/webhook_converter.go`` (words).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import msgspec

from netemu.api.client import Object
from netemu.api.errors import ApiError
from netemu.api.kinds import Kind
from netemu.apiserver.hooks.gate import Call
from netemu.apiserver.hooks.target import CallError, target_of

TIMEOUT_S = 30.0
KEPT = 1024
"""How many converted objects are kept: whoever lists and watches sees the same ones."""

Json = Mapping[str, Any]


def converts(kind: Kind) -> bool:
    """Tell whether a webhook knows the versions of a kind."""
    return kind.custom is not None and kind.custom.conversion is not None


class Converter:
    """Asks webhooks for objects in other versions."""

    def __init__(self) -> None:
        self.call: Call | None = None
        self._kept: OrderedDict[tuple[str, str, str], Object] = OrderedDict()

    async def converted(self, kind: Kind, objects: Sequence[Object]) -> list[Object]:
        """Give objects in a kind's version; those that have it already as they are.

        Raises:
            ApiError: the webhook does not answer, or not with these objects.

        """
        wanted = [obj for obj in objects if self._find(kind, obj) is None]
        if wanted:
            assert kind.custom is not None
            assert kind.custom.conversion is not None
            made = await self._ask(kind, kind.custom.conversion, wanted)
            by_identity = {id(old): new for old, new in zip(wanted, made, strict=True)}
            for old, new in zip(wanted, made, strict=True):
                self._keep(kind, old, new)
        else:
            by_identity = {}
        return [by_identity.get(id(obj)) or self._find(kind, obj) or obj for obj in objects]

    def _find(self, kind: Kind, obj: Object) -> Object | None:
        if obj.get("apiVersion") == kind.api_version:
            return obj
        return self._kept.get(_key(kind, obj))

    def _keep(self, kind: Kind, old: Object, new: Object) -> None:
        if old["metadata"].get("resourceVersion"):
            self._kept[_key(kind, old)] = new
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)

    async def _ask(self, kind: Kind, webhook: Json, objects: list[Object]) -> list[Object]:
        uid = str(uuid4())
        request = {"uid": uid, "desiredAPIVersion": kind.api_version, "objects": objects}
        version = next(
            (v for v in webhook.get("conversionReviewVersions") or () if v in ("v1", "v1beta1")), "v1"
        )
        review = {
            "kind": "ConversionReview",
            "apiVersion": f"apiextensions.k8s.io/{version}",
            "request": request,
        }
        try:
            if self.call is None:
                raise CallError("there is no network yet")
            target = target_of(webhook.get("clientConfig") or {})
            answer = await self.call(target, msgspec.json.encode(review), TIMEOUT_S)
            return _read(answer, uid, kind, objects)
        except CallError as err:
            asked = objects[0].get("apiVersion")
            raise ApiError(f"conversion webhook for {asked}, Kind={kind.kind} failed: {err.message}") from err


def _read(answer: bytes, uid: str, kind: Kind, objects: list[Object]) -> list[Object]:
    try:
        response = msgspec.json.decode(answer, type=dict[str, Any]).get("response") or {}
    except msgspec.DecodeError as err:
        raise CallError(f"the answer is no review: {err}") from err
    result = response.get("result") or {}
    made = response.get("convertedObjects") or []
    if response.get("uid") != uid:
        raise CallError(f'expected response.uid="{uid}", got "{response.get("uid") or ""}"')
    if result.get("status") != "Success":
        raise CallError(result.get("message") or f'response.result.status was "{result.get("status", "")}"')
    if len(made) != len(objects):
        raise CallError(f"expected {len(objects)} converted objects, got {len(made)}")
    return [_checked(kind, old, new) for old, new in zip(objects, made, strict=True)]


def _checked(kind: Kind, old: Object, new: Any) -> Object:
    """Give a converted object with the metadata that it had: only labels and annotations may change."""
    if not isinstance(new, dict) or not isinstance(new.get("metadata"), dict):
        raise CallError("a converted object is no object")
    if (new.get("apiVersion"), new.get("kind")) != (kind.api_version, kind.kind):
        raise CallError(
            f"invalid converted object: expected {kind.api_version}, Kind={kind.kind},"
            f" got {new.get('apiVersion')}, Kind={new.get('kind')}"
        )
    told = {key: value for key, value in new["metadata"].items() if key in ("labels", "annotations")}
    kept = {key: value for key, value in old["metadata"].items() if key not in ("labels", "annotations")}
    return {**new, "metadata": {**kept, **told}}


def _key(kind: Kind, obj: Object) -> tuple[str, str, str]:
    meta = obj["metadata"]
    return kind.api_version, str(meta.get("uid")), str(meta.get("resourceVersion"))
