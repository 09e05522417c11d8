"""What is about to be done, as those see it who may say no. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from netemu.api.cel.authorization import authorizer
from netemu.api.client import Object
from netemu.api.kinds import Kind
from netemu.apiserver.auth.user import AUTHENTICATED, User

Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]

CONTROLLERS = User(name="system:kube-controller-manager", groups=(AUTHENTICATED,))
"""Who netemu's own controllers and agents are, for those who ask."""


@dataclass(slots=True)
class Caller:
    """Who asks for a write, by which version of its kind; ``warnings`` collects what they are told."""

    user: User = CONTROLLERS
    kind: Kind | None = None
    warnings: list[str] = field(default_factory=list)


class Options(Protocol):
    """What an attempt takes from the options of a write."""

    @property
    def caller(self) -> Caller | None:
        """Who asks, if it is not a controller of netemu's own."""
        ...

    @property
    def manager(self) -> str:
        """Whose fields are noted, empty for nobody's."""
        ...

    @property
    def dry_run(self) -> bool:
        """Whether nothing is to be stored."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One write, or one connection into an object. ``object`` is absent of a DELETE, ``old`` of a CREATE."""

    operation: Operation
    kind: Kind
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    object: Object | None = None
    old: Object | None = None
    caller: Caller = field(default_factory=Caller)
    dry_run: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def shown_as(self) -> tuple[str, str, str]:
        """Group, version and kind of ``object``: some subresources have one of their own."""
        kind = self.kind
        if self.subresource in _CONNECTIONS:
            return "", "v1", f"{kind.kind}{_CONNECTIONS[self.subresource]}Options"
        return _OWN_KINDS.get(self.subresource, (kind.group, kind.version, kind.kind))

    @property
    def requested(self) -> Kind:
        """The kind in the version of the request."""
        return self.caller.kind or self.kind

    def authorizer(self) -> dict[str, Any]:
        """Give what expressions ask about the one who writes; first of all about this very write."""
        return authorizer(
            group=self.kind.group,
            resource=self.kind.resource,
            subresource=self.subresource,
            namespace=self.namespace,
            name=self.name,
        )

    def request(self, uid: str) -> dict[str, Any]:
        """Write it as an AdmissionRequest, without the objects."""
        request: dict[str, Any] = {
            "uid": uid,
            "kind": dict(zip(("group", "version", "kind"), self.shown_as, strict=True)),
            "resource": _resource(self.kind),
            "requestKind": self._requested_kind(),
            "requestResource": _resource(self.requested),
            "operation": self.operation,
            "userInfo": self.caller.user.info(),
            "dryRun": self.dry_run,
            "options": self._options(),
        }
        if self.subresource:
            request |= {"subResource": self.subresource, "requestSubResource": self.subresource}
        if self.name:
            request["name"] = self.name
        if self.namespace:
            request["namespace"] = self.namespace
        return request

    def _requested_kind(self) -> dict[str, str]:
        asked = replace(self, kind=self.requested)
        return dict(zip(("group", "version", "kind"), asked.shown_as, strict=True))

    def _options(self) -> dict[str, Any] | None:
        if self.operation == "CONNECT":
            return None
        named = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}
        return {"kind": named[self.operation], "apiVersion": "meta.k8s.io/v1", **self.options}


def attempt_of(
    operation: Operation,
    kind: Kind,
    obj: Object,
    options: Options,
    *,
    old: Object | None = None,
    subresource: str = "",
) -> Attempt:
    """Make the attempt of a create or update."""
    meta = obj["metadata"]
    return Attempt(
        operation=operation,
        kind=kind,
        subresource=subresource,
        namespace=meta.get("namespace", ""),
        name=meta["name"],
        object=obj,
        old=old,
        caller=options.caller or Caller(),
        dry_run=options.dry_run,
        options={"fieldManager": options.manager} if options.manager else {},
    )


def deletion_of(kind: Kind, obj: Object, caller: Caller | None, *, dry_run: bool) -> Attempt:
    """Make the attempt of a deletion."""
    meta = obj["metadata"]
    return Attempt(
        operation="DELETE",
        kind=kind,
        namespace=meta.get("namespace", ""),
        name=meta["name"],
        old=obj,
        caller=caller or Caller(),
        dry_run=dry_run,
    )


def connection_of(
    kind: Kind, namespace: str, name: str, subresource: str, asked: Mapping[str, Any], user: User
) -> Attempt:
    """Make the attempt of a connection into a pod, or to a Service or node, as its query asks for it."""
    attempt = Attempt(
        operation="CONNECT",
        kind=kind,
        subresource=subresource,
        namespace=namespace,
        name=name,
        caller=Caller(user, kind),
    )
    options = {name: _typed(name, of) for name, of in asked.items()}
    return replace(attempt, object={"kind": attempt.shown_as[2], "apiVersion": "v1", **options})


def posted_of(
    kind: Kind, namespace: str, name: str, subresource: str, obj: Object, caller: Caller
) -> Attempt:
    """Make the attempt of what is sent to a subresource and not stored: an eviction, a binding."""
    return Attempt(
        operation="CREATE",
        kind=kind,
        subresource=subresource,
        namespace=namespace,
        name=name,
        object=obj,
        caller=caller,
    )


def _typed(name: str, text: str) -> Any:
    """Read a parameter of a query as the field that it stands for."""
    if name in ("stdin", "stdout", "stderr", "tty"):
        return text in ("true", "1", "")
    return [text] if name in ("command", "ports") else text


_CONNECTIONS = {"exec": "Exec", "attach": "Attach", "portforward": "PortForward", "proxy": "Proxy"}


_OWN_KINDS = {
    "scale": ("autoscaling", "v1", "Scale"),
    "eviction": ("policy", "v1", "Eviction"),
    "binding": ("", "v1", "Binding"),
}


def _resource(kind: Kind) -> dict[str, str]:
    return {"group": kind.group, "version": kind.version, "resource": kind.resource}
