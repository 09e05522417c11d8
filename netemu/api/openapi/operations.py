"""Every request that the API takes, as OpenAPI calls it: an operation. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from netemu.api.kinds import Kind
from netemu.api.openapi.definitions import DELETE_OPTIONS, PATCH, STATUS, Definitions
from netemu.api.openapi.parameters import Parameter, connect_parameters, path_parameters, query_parameters
from netemu.api.resources import Review, Subresource, reviews_of, subresources_of, verbs_of

PATCH_TYPES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)


class Operation(NamedTuple):
    """One method of one path. ``body`` and ``answer`` name definitions, empty for none and for text."""

    path: str
    method: str
    action: str
    id: str
    description: str
    tag: str
    gvk: dict[str, str]
    parameters: list[Parameter]
    body: str = ""
    answer: str = ""
    codes: tuple[str, ...] = ("200",)
    body_types: tuple[str, ...] = ("application/json",)


def operations_of(definitions: Definitions, kinds: Iterable[Kind]) -> Iterator[Operation]:
    """Give every operation on the objects of some kinds."""
    for kind in kinds:
        named = _Names(definitions, kind)
        yield from _collection(named)
        yield from _item(named)
        for subresource in subresources_of(kind):
            yield from _subresource(named, subresource)


def review_operations(definitions: Definitions, group: str, version: str) -> Iterator[Operation]:
    """Give the operations that create what is not kept, of one group and version."""
    for review in reviews_of(group, version):
        yield _review(definitions, review)


class _Names:
    """How one kind is written in paths and in the ids of operations."""

    def __init__(self, definitions: Definitions, kind: Kind) -> None:
        self.kind = kind
        self.definitions = definitions
        self.scope = "Namespaced" if kind.namespaced else ""
        self.gvk = _gvk(kind.group, kind.version, kind.kind)
        self.group_version, self.tag = _group_words(kind.group, kind.version)
        self.root = _root(kind.group, kind.version)
        below = "/namespaces/{namespace}" if kind.namespaced else ""
        self.collection = f"{self.root}{below}/{kind.resource}"
        self.body = definitions.find_name(kind.group, kind.version, kind.kind)
        list_kind = kind.custom.list_kind if kind.custom is not None else ""
        self.list = definitions.find_name(kind.group, kind.version, list_kind or f"{kind.kind}List")
        patches = PATCH_TYPES if kind.custom is None else PATCH_TYPES[:-1]
        self.patch_types = patches

    def operation(self, action: str, verb: str, what: str, **more: object) -> Operation:
        """Make an operation on the collection, unless ``path`` says more."""
        made = Operation(
            path=self.collection,
            method={"list": "get", "deletecollection": "delete"}.get(action, action),
            action=action,
            id=f"{verb}{self.group_version}{self.scope}{self.kind.kind}",
            description=what,
            tag=self.tag,
            gvk=self.gvk,
            parameters=[],
        )._replace(**more)  # type: ignore[arg-type]
        return made._replace(parameters=[*path_parameters(made.path), *query_parameters(action)])


def _collection(named: _Names) -> Iterator[Operation]:
    kind, verbs = named.kind, verbs_of(named.kind)
    lists = f"list objects of kind {kind.kind}"
    yield named.operation("list", "list", lists, answer=named.list)
    codes = ("200", "201", "202")
    creates = f"create {_article(kind.kind)}"
    yield named.operation("post", "create", creates, body=named.body, answer=named.body, codes=codes)
    if "deletecollection" in verbs:
        id_ = f"delete{named.group_version}Collection{named.scope}{kind.kind}"
        what = f"delete collection of {kind.kind}"
        yield named.operation("deletecollection", "", what, id=id_, body=DELETE_OPTIONS, answer=STATUS)
    if kind.namespaced:
        id_ = f"list{named.group_version}{kind.kind}ForAllNamespaces"
        path = f"{named.root}/{kind.resource}"
        yield named.operation("list", "", lists, id=id_, path=path, answer=named.list)


def _item(named: _Names) -> Iterator[Operation]:
    yield from _part(named, f"{named.collection}/{{name}}", "", ("get", "patch", "update"), named.body)
    path = f"{named.collection}/{{name}}"
    what = f"delete {_article(named.kind.kind)}"
    yield named.operation(
        "delete", "delete", what, path=path, body=DELETE_OPTIONS, answer=STATUS, codes=("200", "202")
    )


def _subresource(named: _Names, subresource: Subresource) -> Iterator[Operation]:
    path = f"{named.collection}/{{name}}/{subresource.name}"
    if subresource.connects or subresource.name == "log":
        yield from _connection(named, path, subresource)
        return
    body = named.definitions.find_name(*subresource[2:]) or named.body
    gvk = _gvk(*subresource[2:])
    for made in _part(named, path, subresource.name, subresource.verbs, body):
        yield made._replace(gvk=gvk)


def _part(
    named: _Names, path: str, subresource: str, verbs: tuple[str, ...], body: str
) -> Iterator[Operation]:
    of = f"{subresource} of the specified {named.kind.kind}" if subresource else named.kind.kind
    suffix = subresource.capitalize()
    for verb in verbs:
        action, word = _ACTIONS[verb]
        made = named.operation(action, word, f"{word} {of}", path=path, answer=body)
        made = made._replace(id=made.id + suffix)
        match action:
            case "get":
                yield made
            case "patch":
                yield made._replace(body=PATCH, body_types=named.patch_types, codes=("200", "201"))
            case "post":
                yield made._replace(body=body, codes=("200", "201", "202"))
            case _:
                yield made._replace(body=body, codes=("200", "201"))


_ACTIONS = {
    "get": ("get", "read"),
    "patch": ("patch", "patch"),
    "update": ("put", "replace"),
    "create": ("post", "create"),
    "delete": ("delete", "delete"),
}


def _connection(named: _Names, path: str, subresource: Subresource) -> Iterator[Operation]:
    is_log = subresource.name == "log"
    suffix = "Log" if is_log else subresource.name.capitalize()
    for verb in subresource.verbs:
        method = _ACTIONS[verb][0]
        id_ = f"connect{named.group_version}{method.capitalize()}{named.scope}{named.kind.kind}{suffix}"
        yield Operation(
            path=path,
            method=method,
            action="get" if is_log else "connect",
            id=f"read{named.group_version}{named.scope}{named.kind.kind}Log" if is_log else id_,
            description=f"{'read' if is_log else 'connect to'} {subresource.name} of {named.kind.kind}",
            tag=named.tag,
            gvk=_gvk(*subresource[2:]),
            parameters=[*path_parameters(path), *connect_parameters(subresource.name)],
        )


def _review(definitions: Definitions, review: Review) -> Operation:
    group_version, tag = _group_words(review.group, review.version)
    below = "/namespaces/{namespace}" if review.namespaced else ""
    path = f"{_root(review.group, review.version)}{below}/{review.resource}"
    body = definitions.find_name(*review[:3])
    return Operation(
        path=path,
        method="post",
        action="post",
        id=f"create{group_version}{'Namespaced' if review.namespaced else ''}{review.kind}",
        description=f"create {_article(review.kind)}",
        tag=tag,
        gvk=_gvk(*review[:3]),
        parameters=[*path_parameters(path), *query_parameters("post")],
        body=body,
        answer=body,
        codes=("200", "201", "202"),
    )


def _root(group: str, version: str) -> str:
    return f"/apis/{group}/{version}" if group else f"/api/{version}"


def _group_words(group: str, version: str) -> tuple[str, str]:
    """Write group and version as in ``createCoreV1…`` and as a tag, ``core_v1``."""
    words = (group.removesuffix(".k8s.io") or "core").replace("-", ".").split(".")
    capital = "".join(word.capitalize() for word in words)
    camel = words[0] + "".join(word.capitalize() for word in words[1:])
    return f"{capital}{version.capitalize()}", f"{camel}_{version}"


def _gvk(group: str, version: str, kind: str) -> dict[str, str]:
    return {"group": group, "version": version, "kind": kind}


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'AEIOU' else 'a'} {noun}"
