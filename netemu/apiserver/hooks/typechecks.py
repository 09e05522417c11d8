"""Whether the expressions of policies fit the kinds that they are about; told in the policies' status.

Source: apiserver ``pkg/admission/plugin/policy/validating/typechecking.go``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netemu.api import cel
from netemu.api.cel.fields import complaints
from netemu.api.cel.published import schema_of
from netemu.api.client import Object
from netemu.api.errors import NotFoundError
from netemu.api.kinds import VALIDATING_ADMISSION_POLICY, Kind
from netemu.api.served import ServedKinds
from netemu.apiserver.registry import Registry
from netemu.logs import Log
from netemu.store.store import Op

log = Log(__name__)

Json = Mapping[str, Any]


async def check_policies(registry: Registry) -> None:
    """Check every new version of a policy, until cancelled."""
    watch = registry.watch(VALIDATING_ADMISSION_POLICY, revision=registry.revision)
    try:
        for policy in registry.list(VALIDATING_ADMISSION_POLICY).items:
            await _tell(registry, policy)
        while True:
            for event in await watch.take():
                if event.op is Op.PUT:
                    await _tell(registry, event.value)
    finally:
        watch.close()


def warnings_of(policy: Object, kinds: ServedKinds) -> list[dict[str, str]]:
    """Say what of a policy's expressions does not fit."""
    matched = list(_kinds(policy["spec"], kinds))
    found = []
    for index, rule in enumerate(policy["spec"].get("validations") or ()):
        for key in ("expression", "messageExpression"):
            said = [line for kind in matched for line in _complaints(rule.get(key) or "", kind)]
            if said:
                found.append({"fieldRef": f"spec.validations[{index}].{key}", "warning": "\n".join(said)})
    return found


def _complaints(text: str, kind: Kind) -> Iterator[str]:
    if not text:
        return
    try:
        program = cel.compile_expression(text, cel.VARIABLES)
    except cel.CompileError:
        return
    schema = schema_of(kind)
    said = complaints(program, {"object": schema, "oldObject": schema})
    if said:
        yield f"{kind.api_version}, Kind={kind.kind}: {said}"


def _kinds(spec: Json, kinds: ServedKinds) -> Iterator[Kind]:
    """Give the kinds that a policy names, one by one."""
    for rule in (spec.get("matchConstraints") or {}).get("resourceRules") or ():
        for group in rule.get("apiGroups") or ():
            for version in rule.get("apiVersions") or ():
                for resource in rule.get("resources") or ():
                    kind = kinds.find(group, version, resource)
                    if kind is not None:
                        yield kind


async def _tell(registry: Registry, policy: Object) -> None:
    meta = policy["metadata"]
    generation = meta.get("generation", 1)
    status = policy.get("status") or {}
    if status.get("observedGeneration") == generation:
        return
    try:
        await _write(registry, policy, warnings_of(policy, registry.kinds))
    except NotFoundError:
        return  # it is gone already
    except Exception as err:  # one odd policy must not end the checks of all others
        log.error("policy.unchecked", exc=err, policy=meta["name"])


async def _write(registry: Registry, policy: Object, found: list[dict[str, str]]) -> None:
    meta, status = policy["metadata"], policy.get("status") or {}
    checked = {"expressionWarnings": found} if found else {}
    told = {
        **policy,
        "status": {**status, "observedGeneration": meta.get("generation", 1), "typeChecking": checked},
    }
    told["metadata"] = {key: value for key, value in meta.items() if key != "resourceVersion"}
    await registry.update(VALIDATING_ADMISSION_POLICY, told, subresource="status")
