"""Ask all who want to be asked about a write: webhooks that change it, policies, webhooks that check it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

from netemu.api import cel
from netemu.api.cel.authorization import Question, answering
from netemu.api.client import Object
from netemu.api.errors import ApiError
from netemu.api.kinds import (
    EVENT,
    LEASE,
    MUTATING_ADMISSION_POLICY,
    MUTATING_ADMISSION_POLICY_BINDING,
    MUTATING_WEBHOOK_CONFIGURATION,
    NAMESPACE,
    NODE,
    VALIDATING_ADMISSION_POLICY,
    VALIDATING_ADMISSION_POLICY_BINDING,
    VALIDATING_WEBHOOK_CONFIGURATION,
    Kind,
)
from netemu.api.served import ServedKinds
from netemu.apiserver.auth.attributes import Attributes
from netemu.apiserver.auth.user import User, authenticated
from netemu.apiserver.hooks import matching, mutations, policies, review
from netemu.apiserver.hooks.attempt import Attempt
from netemu.apiserver.hooks.bindings import Surroundings, invocations, is_kind_of, selected_params
from netemu.apiserver.hooks.index import NEVER_ASKED_ABOUT, HookIndex
from netemu.apiserver.hooks.review import BadAnswerError, Verdict
from netemu.apiserver.hooks.target import CallError, Target, target_of
from netemu.apiserver.versions import version_of
from netemu.errors import NetemuError

Json = Mapping[str, Any]
Call = Callable[[Target, bytes, float], Awaitable[bytes]]
"""Sends a review to a webhook and gives its answer, within so many seconds."""
Find = Callable[[Kind, str, str], Object | None]
List = Callable[[Kind, str], list[Object]]
"""Gives all objects of a kind, of one namespace or (empty) of all."""


Allows = Callable[[User, Attributes], bool]


def _everything(_user: User, _asked: Attributes) -> bool:
    return True


_OWN_NOTES = frozenset((EVENT, LEASE, NODE))


class Gate:
    """Lets writes pass, changes them or refuses them."""

    def __init__(self, index: HookIndex, kinds: ServedKinds, find: Find, list_: List) -> None:
        self._index = index
        self._kinds = kinds
        self._find = find
        self._list = list_
        self._around = Surroundings(self._versions, self._namespace, self._params)
        self.call: Call | None = None
        """Until there is a network to ask over, nobody is asked: a cluster must be able to start."""
        self.allows: Allows = _everything
        """Tells expressions who may do what."""

    def is_open_to(self, kind: Kind, *, is_own: bool = False, subresource: str = "") -> bool:
        """Tell whether nobody is to be asked about writes of a kind.

        Of netemu's own writes (``is_own``) those count that others may want to change or refuse: what the
        cluster notes about itself goes through, so that no webhook that is down takes it along.
        """
        if self._index.is_idle or self.call is None or kind in NEVER_ASKED_ABOUT:
            return True
        if subresource == "binding":  # asked about as it came: to its pod it is no change of a client's
            return True
        return is_own and (bool(subresource) or kind in _OWN_NOTES)

    async def mutated(self, attempt: Attempt) -> Attempt:
        """Give a write as policies and webhooks want it.

        Raises:
            ApiError: one refuses, or cannot be asked and must be.

        """
        given, again = attempt.object, list[tuple[Json, Object | None]]()
        attempt, policies_again = self._completed(attempt)
        for hook in self._hooks(MUTATING_WEBHOOK_CONFIGURATION):
            attempt = await self._mutated_by(hook, attempt)
            if hook.get("reinvocationPolicy") == "IfNeeded":
                again.append((hook, attempt.object))
        if policies_again and attempt.object != given:
            attempt, _ = self._completed(attempt, policies_again)
        for hook, seen in again:
            if attempt.object != seen:
                attempt = await self._mutated_by(hook, attempt)
        return attempt

    def _completed(
        self, attempt: Attempt, only: Collection[tuple[str, ...]] | None = None
    ) -> tuple[Attempt, Collection[tuple[str, ...]]]:
        """Give a write as policies want it, and who of them may be asked again; ``only`` some are asked.

        Raises:
            ApiError: one of them cannot do what it wants, and must.

        """
        held = self._index.all(MUTATING_ADMISSION_POLICY)
        if not held or attempt.object is None:
            return attempt, ()
        asked = invocations(held, self._index.all(MUTATING_ADMISSION_POLICY_BINDING), attempt, self._around)
        if only is not None:
            asked = (each for each in asked if each.key in only)
        with answering(partial(self._may, attempt.caller.user)):
            outcome = mutations.mutated(asked, attempt, self._around)
        if outcome.problems:
            raise mutations.refusal(attempt, outcome.problems)
        return outcome.attempt, outcome.asked

    async def check(self, attempt: Attempt) -> None:
        """Refuse a write that policies or webhooks refuse.

        Raises:
            ApiError: one does, or a webhook cannot be asked and must be.

        """
        self._check_policies(attempt)
        hooks = list(self._hooks(VALIDATING_WEBHOOK_CONFIGURATION))
        if not hooks:
            return
        # All are asked at once; whoever is first in the configurations is heard first.
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._ask_safely(hook, attempt)) for hook in hooks]
        for hook, answer in zip(hooks, (each.result() for each in asked), strict=True):
            if isinstance(answer, ApiError):
                raise answer
            self._heed(hook, answer, attempt)

    async def _ask_safely(self, hook: Json, attempt: Attempt) -> Verdict | ApiError | None:
        """Ask one of several, whose failure is no reason to stop asking the others."""
        try:
            return await self._ask(hook, attempt)
        except ApiError as err:
            return err

    async def _mutated_by(self, hook: Json, attempt: Attempt) -> Attempt:
        verdict = await self._ask(hook, attempt, may_change=True)
        self._heed(hook, verdict, attempt)
        if verdict is None or verdict.patch in (None, []):
            return attempt
        try:
            changed = review.patched(attempt, hook["name"], verdict.patch)
        except BadAnswerError as err:
            self._missed(hook, err)
            return attempt
        return replace(attempt, object=changed)

    async def _ask(self, hook: Json, attempt: Attempt, *, may_change: bool = False) -> Verdict | None:
        """Ask one webhook; ``None`` if it does not want to be, or need not be."""
        wanted = matching.wanted_kind(
            hook.get("rules") or (), attempt, self._versions, is_exact=hook.get("matchPolicy") == "Exact"
        )
        if wanted is None or not matching.selects(hook, attempt, self._namespace):
            return None
        try:
            if not self._meets_conditions(hook, attempt):
                return None
            return await self._answer_of(hook, _as_version(attempt, wanted), may_change=may_change)
        except (CallError, BadAnswerError, cel.EvaluationError, cel.CompileError) as err:
            self._missed(hook, err)
            return None

    def _missed(self, hook: Json, err: NetemuError) -> None:
        """Do without a webhook that did not answer as one, or refuse the write: as its policy says."""
        if hook.get("failurePolicy") != "Ignore":
            raise review.internal(f'failed calling webhook "{hook["name"]}": {err.message}') from err

    async def _answer_of(self, hook: Json, attempt: Attempt, *, may_change: bool) -> Verdict:
        known = hook.get("admissionReviewVersions") or ()
        version = next((each for each in known if each in review.VERSIONS), None)
        if version is None:
            raise CallError("webhook does not accept known AdmissionReview versions (v1, v1beta1)")
        uid = str(uuid4())
        timeout_s = float(hook.get("timeoutSeconds") or 10)
        assert self.call is not None
        body = await self.call(
            target_of(hook["clientConfig"]), review.render(attempt, uid, version), timeout_s
        )
        return review.read(body, uid, version, may_change=may_change)

    def _heed(self, hook: Json, verdict: Verdict | None, attempt: Attempt) -> None:
        if verdict is None:
            return
        attempt.caller.warnings.extend(verdict.warnings)
        if not verdict.allowed:
            raise review.refusal(hook["name"], verdict.status)

    def _check_policies(self, attempt: Attempt) -> None:
        held = self._index.all(VALIDATING_ADMISSION_POLICY)
        bindings = self._index.all(VALIDATING_ADMISSION_POLICY_BINDING)
        asked = invocations(held, bindings, attempt, self._around)
        found = policies.decisions(asked, attempt, self._around)
        with answering(partial(self._may, attempt.caller.user)):
            for decision in found:
                if "Warn" in decision.actions:
                    attempt.caller.warnings.append(decision.warning())
                if "Deny" in decision.actions:
                    raise policies.refusal(attempt, decision)

    def _meets_conditions(self, hook: Json, attempt: Attempt) -> bool:
        conditions = hook.get("matchConditions") or ()
        if not conditions:
            return True
        values = {
            "object": attempt.object,
            "oldObject": attempt.old,
            "request": attempt.request(""),
            "authorizer": attempt.authorizer(),
        }
        with answering(partial(self._may, attempt.caller.user)):
            return matching.meets_conditions(conditions, values)

    def _may(self, user: User, question: Question) -> bool:
        other = question.get("user", "")
        asked = Attributes(**{key: value for key, value in question.items() if key != "user"})
        return self.allows(_account(other) if other else user, asked)

    def _params(self, param_kind: Json, ref: Json, namespace: str) -> list[Object] | None:
        kind = next((each for each in self._kinds.all if is_kind_of(each, param_kind)), None)
        if kind is None:
            return None
        where = (ref.get("namespace") or namespace) if kind.namespaced else ""
        return selected_params(self._list(kind.stored or kind, where), ref)

    def _hooks(self, configurations: Kind) -> Iterator[Json]:
        for configuration in self._index.all(configurations):
            yield from configuration.get("webhooks") or ()

    def _versions(self, kind: Kind) -> list[Kind]:
        return [each for each in self._kinds.all if (each.stored or each) is kind or each is kind]

    def _namespace(self, name: str) -> Object | None:
        return self._find(NAMESPACE, "", name)


def _as_version(attempt: Attempt, kind: Kind) -> Attempt:
    """Give a write in the version that a webhook wants."""
    if kind is attempt.kind:
        return attempt
    serve = version_of(kind).serve
    shown = (serve(obj) if obj is not None else None for obj in (attempt.object, attempt.old))
    new, old = shown
    return replace(attempt, kind=kind, object=new, old=old)


def _account(name: str) -> User:
    namespace = name.split(":")[2]
    return authenticated(name, ("system:serviceaccounts", f"system:serviceaccounts:{namespace}"))
