"""How a request wants its write done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct

from netemu.api import schema
from netemu.api.client import Object
from netemu.api.errors import ApiError, Cause
from netemu.api.kinds import Kind
from netemu.apiserver.hooks.attempt import Caller
from netemu.apiserver.patcherrors import patch_error, strict_patch_error, undeclared
from netemu.naming import Revision

FieldValidation = Literal["Strict", "Warn", "Ignore"]


class FieldCheck:
    """Compares bodies with the schema as the request's ``fieldValidation`` says.

    ``warnings`` collects what the caller should be told though the request is fulfilled.
    """

    def __init__(self, mode: FieldValidation = "Strict") -> None:
        self._mode = mode
        self.warnings: list[str] = []
        self.duplicates: tuple[Cause, ...] = ()
        self.patch: tuple[str, Any] | None = None
        """The type and content of the patch that the objects come from."""
        self.is_applied = False
        """Whether they are wishes of server-side apply, which has words of its own."""

    @property
    def wants_duplicates(self) -> bool:
        """Whether fields that come twice are to be looked for."""
        return self._mode != "Ignore"

    def checked(self, kind: Kind, obj: Object) -> Object:
        """Give the object as it may be stored: without unknown fields.

        Raises:
            BadRequestError: a field has the wrong type, or is unknown and that is an error.
            InvalidError: the same of a patch.

        """
        found = schema.check(kind, obj)
        if found.wrong:
            raise self._type_error(kind, obj, found)
        causes = (*found.unknown, *self.duplicates)
        if not causes:
            return obj
        if self._mode == "Strict":
            raise self._strict_error(kind, obj, found.unknown)
        if self._mode == "Warn":
            self.warnings = [cause.message for cause in causes]
        if not found.unknown:
            return obj
        pruned: Object = schema.prune(kind, obj)
        return pruned

    def _type_error(self, kind: Kind, obj: Object, found: schema.Findings) -> ApiError:
        if self.patch is None:
            return schema.decoding_error(kind, found)
        return patch_error(*self.patch, obj, found.refusal)

    def _strict_error(self, kind: Kind, obj: Object, unknown: tuple[Cause, ...]) -> ApiError:
        if self.is_applied and not self.duplicates:
            return undeclared(kind, obj, unknown)
        if self.patch is None:
            return schema.strict_decoding_error(kind, (*unknown, *self.duplicates))
        return strict_patch_error(*self.patch, obj, unknown, self.duplicates)


class WriteOptions(Struct, frozen=True, kw_only=True):
    """What goes with a create, update or patch.

    Without ``fields`` the caller is part of netemu, and its objects have the right shape. Without
    ``manager`` nobody notes which fields it sets: netemu's own controllers are not tracked. ``caller`` is
    who webhooks and policies are told of, one of these controllers where there is none.
    """

    fields: FieldCheck | None = None
    dry_run: bool = False
    manager: str = ""
    caller: Caller | None = None
    check_grant: Callable[[Kind, Object, Object | None], None] | None = None
    check_create: Callable[[Kind, str, str], None] | None = None

    def check_may_create(self, kind: Kind, namespace: str, name: str) -> None:
        """Refuse an apply that makes an object to who may only patch.

        Raises:
            ForbiddenError: as it says.

        """
        if self.check_create is not None:
            self.check_create(kind, namespace, name)

    def check_allowed(self, kind: Kind, new: Object, old: Object | None) -> None:
        """Refuse an object that would give someone more than its writer has.

        Raises:
            ForbiddenError: as it says.

        """
        if self.check_grant is not None:
            self.check_grant(kind, new, old)

    def checked(self, kind: Kind, obj: Object) -> Object:
        """Compare with the schema, if this caller's objects need that."""
        return obj if self.fields is None else self.fields.checked(kind, obj)


TRUSTED = WriteOptions()


class Preconditions(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the object must be, or it is left alone (metav1.Preconditions)."""

    uid: str | None = None
    resource_version: str | None = None


class DeleteOptions(Struct, frozen=True, kw_only=True, rename="camel"):
    """How to delete (metav1.DeleteOptions). ``grace_period_seconds`` counts for Pods only.

    Without a policy, the object's own finalizers say what becomes of its dependents.
    """

    grace_period_seconds: int | None = None
    propagation_policy: str | None = None
    orphan_dependents: bool | None = None
    preconditions: Preconditions = Preconditions()
    dry_run: tuple[str, ...] = ()

    @property
    def policy(self) -> str:
        """What becomes of dependents: Background, Foreground or Orphan; empty where nothing is said."""
        if self.orphan_dependents is not None:
            return "Orphan" if self.orphan_dependents else "Background"
        return self.propagation_policy or ""


BACKGROUND = DeleteOptions()


def parse_revision(text: str) -> Revision:
    """Read a ``resourceVersion``; empty is 0.

    Raises:
        ValueError: it is not a number.

    """
    return Revision(int(text or "0"))
