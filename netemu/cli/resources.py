"""Read ``KIND[,KIND] [NAME...]`` and ``KIND/NAME`` as kubectl does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from netemu.api.kinds import KINDS, Kind
from netemu.errors import NetemuError


class UsageError(NetemuError):
    """The command line cannot be understood."""

    code = "CLI_USAGE"


class Selection(Struct, frozen=True, kw_only=True):
    """One kind, and the names asked for; no names means all of them.

    ``namespace`` is what a file says; empty leaves it to the command's options.
    """

    kind: Kind
    names: tuple[str, ...] = ()
    namespace: str = ""


class Scope(Struct, frozen=True, kw_only=True):
    """Where to look and what to leave out; an empty ``namespace`` means all of them."""

    namespace: str
    label_selector: str = ""
    field_selector: str = ""


class Query(Struct, frozen=True, kw_only=True):
    """One request's worth: one object by name, or the objects of a kind."""

    kind: Kind
    namespace: str = ""
    name: str = ""
    label_selector: str = ""
    field_selector: str = ""


def queries(selection: Selection, scope: Scope) -> list[Query]:
    """Split a selection into the requests that answer it.

    Raises:
        UsageError: names, in all namespaces.

    """
    kind = selection.kind
    namespace = selection.namespace or scope.namespace
    if selection.names and kind.namespaced and not namespace:
        raise UsageError("a resource cannot be retrieved by name across all namespaces")
    query = Query(kind=kind, namespace=namespace if kind.namespaced else "")
    if selection.names:
        return [replace(query, name=name) for name in selection.names]
    return [replace(query, label_selector=scope.label_selector, field_selector=scope.field_selector)]


def no_more() -> tuple[Kind, ...]:
    """Know the built-in kinds only."""
    return ()


def find_kinds(word: str, more: Callable[[], tuple[Kind, ...]] = no_more) -> tuple[Kind, ...]:
    """Find the kinds that a word stands for: one, or several for a category (``all``).

    Accepts the plural, the singular, a short name, and each followed by ``.group`` or
    ``.version.group``. ``more`` gives kinds that are not built in.

    Raises:
        UsageError: there is no such kind.

    """
    name, _, group = word.lower().partition(".")
    found = _called(KINDS, name, group) or _called(more(), name, group)
    if found:
        return found[:1]
    known = _preferred((*KINDS, *more()))
    category = tuple(kind for kind in known if not group and name in kind.categories)
    if not category:
        raise UsageError(f'the server doesn\'t have a resource type "{word}"')
    return category


def parse_selections(
    words: Sequence[str],
    *,
    names_required: bool = False,
    more: Callable[[], tuple[Kind, ...]] = no_more,
) -> tuple[Selection, ...]:
    """Read a command's arguments; ``more`` gives kinds that are not built in.

    Raises:
        UsageError: an unknown kind, both forms mixed, or a name missing.

    """
    if not words:
        raise UsageError("You must specify the type of resource to get or act on.", hint="For example: pods")
    if any("/" in word for word in words):
        return tuple(_parse_pair(word, more) for word in words)
    kinds = [kind for word in words[0].split(",") for kind in find_kinds(word, more)]
    names = tuple(words[1:])
    if names_required and not names:
        raise UsageError(f"resource name may not be empty: {words[0]}")
    return tuple(Selection(kind=kind, names=names) for kind in kinds)


def parse_one(words: Sequence[str], *, default_kind: str = "pods") -> Selection:
    """Read ``TYPE/NAME``, ``TYPE NAME`` or (of ``default_kind``) ``NAME``: exactly one object.

    Raises:
        UsageError: anything else.

    """
    if len(words) == 1 and "/" not in words[0]:
        words = [default_kind, words[0]]
    selections = parse_selections(words, names_required=True)
    if len(selections) != 1 or len(selections[0].names) != 1:
        raise UsageError(f"exactly one object is needed here, not {' '.join(words)!r}")
    return selections[0]


def display_name(kind: Kind, name: str) -> str:
    """Render ``pod/web`` or ``deployment.apps/web``, as kubectl's messages name objects."""
    return f"{typed_word(kind)}/{name}"


def typed_word(kind: Kind) -> str:
    """Render ``pod`` or ``deployment.apps``."""
    return f"{kind.singular}.{kind.group}" if kind.group else kind.singular


def _is_called(kind: Kind, name: str) -> bool:
    return name in {kind.resource, kind.singular, *kind.short_names}


def _is_in_group(kind: Kind, group: str) -> bool:
    return group in {"", kind.group, f"{kind.version}.{kind.group}"}


def _called(kinds: Sequence[Kind], name: str, group: str) -> tuple[Kind, ...]:
    return tuple(kind for kind in kinds if _is_called(kind, name) and _is_in_group(kind, group))


def _preferred(kinds: Sequence[Kind]) -> tuple[Kind, ...]:
    """Give one version of each resource, the first."""
    first: dict[str, Kind] = {}
    for kind in kinds:
        first.setdefault(kind.key, kind)
    return tuple(first.values())


def _parse_pair(word: str, more: Callable[[], tuple[Kind, ...]]) -> Selection:
    kind_word, slash, name = word.partition("/")
    if not slash:
        raise UsageError(
            "there is no need to specify a resource type as a separate argument when passing arguments"
            f" in resource/name form (e.g. 'netemu get resource/<resource_name>'), found {word!r}"
        )
    kinds = find_kinds(kind_word, more)
    if not name or len(kinds) != 1:
        raise UsageError(
            f"arguments in resource/name form must have a single resource and name, found {word!r}"
        )
    return Selection(kind=kinds[0], names=(name,))
