"""[IO] ``delete``: ask for the end of objects, and wait for it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from netemu.api.errors import ApiError, NotFoundError
from netemu.cli.failures import render_failure
from netemu.cli.resources import Query, Scope, Selection, UsageError, queries, typed_word
from netemu.cli.session import Session
from netemu.cli.verbs.watching import wait_gone


@dataclass(frozen=True, kw_only=True)
class DeleteOptions:
    """How to delete; no ``grace_period_s`` leaves it to the object."""

    everything: bool = False
    grace_period_s: int | None = None
    force: bool = False
    wait: bool = True
    timeout_s: float | None = None
    ignore_not_found: bool = False
    output: str = ""


async def delete(
    session: Session, selections: Sequence[Selection], scope: Scope, options: DeleteOptions
) -> bool:
    """Delete objects one after the other, then wait for all; false when one could not be."""
    if options.force:
        print(
            "Warning: Immediate deletion does not wait for confirmation that the running resource has been"
            " terminated. The resource may continue to run on the cluster indefinitely.",
            file=sys.stderr,
        )
    named = await named_queries(session, selections, scope, everything=options.everything)
    if not named:
        print("No resources found")
    uids = {query: await _delete_one(session, query, options) for query in named}
    if options.wait:
        gone = [(query, uid) for query, uid in uids.items() if uid]
        await wait_gone(session, gone, options.timeout_s)
    return all(uid is not None for uid in uids.values())


async def named_queries(
    session: Session, selections: Sequence[Selection], scope: Scope, *, everything: bool
) -> list[Query]:
    """Name every object that is meant, listing where labels or ``--all`` stand for names.

    Raises:
        UsageError: neither names nor labels nor ``--all``.

    """
    filtered = everything or scope.label_selector or scope.field_selector
    if any(not selection.names and not filtered for selection in selections):
        raise UsageError(
            "resource(s) were provided, but no name was specified", hint="Give names, -l LABELS or --all."
        )
    found: list[Query] = []
    for selection in selections:
        for query in queries(selection, scope):
            found += [query] if query.name else await _listed(session, query)
    return found


async def _listed(session: Session, query: Query) -> list[Query]:
    metas = [obj["metadata"] for obj in (await session.list(query)).items]
    return [Query(kind=query.kind, namespace=meta.get("namespace", ""), name=meta["name"]) for meta in metas]


async def _delete_one(session: Session, query: Query, options: DeleteOptions) -> str | None:
    """Delete one object; its UID, empty when there was none, ``None`` when it was refused."""
    try:
        answer = await session.delete(query, grace_period_s=options.grace_period_s)
    except NotFoundError as err:
        if options.ignore_not_found:
            return ""
        print(render_failure(err), file=sys.stderr)
        return None
    except ApiError as err:
        print(render_failure(err), file=sys.stderr)
        return None
    print(_message(query, options), flush=True)
    return uid_of(answer)


def uid_of(answer: dict[str, object]) -> str:
    """Read the UID from the answer to a deletion: the object itself, or a Status about it."""
    for part in (answer.get("metadata"), answer.get("details")):
        if isinstance(part, dict) and part.get("uid"):
            return str(part["uid"])
    return ""


def _message(query: Query, options: DeleteOptions) -> str:
    if options.output == "name":
        return f"{typed_word(query.kind)}/{query.name}"
    verb = "force deleted" if options.force else "deleted"
    place = f" from {query.namespace} namespace" if query.namespace else ""
    return f'{typed_word(query.kind)} "{query.name}" {verb}{place}'
