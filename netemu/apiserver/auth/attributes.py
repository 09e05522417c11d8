"""What a request is about to do, in the words of authorization. Pure.

Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct, structs

from netemu.api.errors import ForbiddenError
from netemu.apiserver.auth.user import User

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_OF_NAMESPACES = ("status", "finalize")  # what follows a namespace's name and is no kind
_NAMED = re.compile(r"(?:^|,)metadata\.name==?([^,]+)")


class Attributes(Struct, frozen=True, kw_only=True):
    """One request; without ``resource`` it is about a path."""

    verb: str
    path: str = ""
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def full_resource(self) -> str:
        """``pods``, or ``pods/log``."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def attributes_of(method: str, path: str, query: Mapping[str, str]) -> Attributes:
    """Read a request as what it does; paths that are served by nobody are read as well."""
    match [part for part in path.split("/") if part]:
        case ["api", version, "watch", first, *rest] if method == "GET":
            return _watched(_resource(method, "", version, [first, *rest], path, query))
        case ["apis", group, version, "watch", first, *rest] if method == "GET":
            return _watched(_resource(method, group, version, [first, *rest], path, query))
        case ["api", version, first, *rest]:
            return _resource(method, "", version, [first, *rest], path, query)
        case ["apis", group, version, first, *rest]:
            return _resource(method, group, version, [first, *rest], path, query)
        case _:
            return Attributes(verb=method.lower(), path=path)


def refusal(user: User, asked: Attributes) -> ForbiddenError:
    """Say in Kubernetes' words that a user may not do something."""
    if not asked.resource:
        return ForbiddenError(f'forbidden: User "{user.name}" cannot {asked.verb} path "{asked.path}"')
    what = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    named = f'{what} "{asked.name}"' if asked.name else what
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    return ForbiddenError(
        f'{named} is forbidden: User "{user.name}" cannot {asked.verb} resource "{asked.full_resource}"'
        f' in API group "{asked.group}" {where}',
        group=asked.group,
        kind=asked.resource,
        name=asked.name,
    )


def _resource(
    method: str, group: str, version: str, parts: list[str], path: str, query: Mapping[str, str]
) -> Attributes:
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 1:
        namespace = parts[1]
        if len(parts) > 2 and parts[2] not in _OF_NAMESPACES:
            parts = parts[2:]
    resource, name, subresource = (*parts, "", "")[:3]
    verb = _verb(method, name, query)
    if not name and verb in ("list", "watch", "deletecollection"):
        selected = _NAMED.search(query.get("fieldSelector", ""))
        name = selected[1] if selected else ""
    return Attributes(
        verb=verb,
        path=path,
        group=group,
        version=version,
        resource=resource,
        subresource=subresource,
        namespace=namespace,
        name=name,
    )


def _watched(asked: Attributes) -> Attributes:
    return structs.replace(asked, verb="watch")


def _verb(method: str, name: str, query: Mapping[str, str]) -> str:
    if method in ("GET", "HEAD"):
        if query.get("watch", "false") not in ("false", "0"):
            return "watch"
        return "get" if name else "list"
    verb = _VERBS.get(method, method.lower())
    return "deletecollection" if verb == "delete" and not name else verb
