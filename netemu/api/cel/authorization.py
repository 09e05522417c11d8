"""Asking in expressions what someone may do: ``authorizer.path('/healthz').check('get').allowed()``.

The question is asked of whoever evaluates (``answering``): an expression knows no roles.

Source: https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-authorizer-library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Value = dict[str, Any]
Question = dict[str, str]
"""``verb`` and what it is about, in authorization's words; ``user`` where it is about someone else."""
Answer = Callable[[Question], bool]

_ASKED, _DECIDED = "kubernetes.authorization.Authorizer", "kubernetes.authorization.Decision"
_answer: ContextVar[Answer | None] = ContextVar("answer", default=None)


@contextmanager
def answering(answer: Answer) -> Iterator[None]:
    """Answer what expressions ask while the block runs."""
    token = _answer.set(answer)
    try:
        yield
    finally:
        _answer.reset(token)


def authorizer(**request_resource: str) -> Value:
    """Give the value that expressions call ``authorizer``; ``requestResource`` is what is written."""
    return {_ASKED: {}, "requestResource": {_ASKED: request_resource}}


def path(value: Value, text: str) -> Value:
    """Ask about a path that is no resource."""
    return _with(value, path=text)


def service_account(value: Value, namespace: str, name: str) -> Value:
    """Ask for a ServiceAccount instead of who writes."""
    return _with(value, user=f"system:serviceaccount:{namespace}:{name}")


def group(value: Value, text: str) -> Value:
    """Ask about a group's resources."""
    return _with(value, group=text)


def resource(value: Value, text: str) -> Value:
    """Ask about a resource."""
    return _with(value, resource=text)


def subresource(value: Value, text: str) -> Value:
    """Ask about a part of it."""
    return _with(value, subresource=text)


def namespace(value: Value, text: str) -> Value:
    """Ask about one namespace."""
    return _with(value, namespace=text)


def name(value: Value, text: str) -> Value:
    """Ask about one object."""
    return _with(value, name=text)


def field_selector(value: Value, text: str) -> Value:  # noqa: ARG001 - nobody is allowed only a selection
    """Ask about those that a selector of fields selects: no more is allowed than for all."""
    return _with(value)


def label_selector(value: Value, text: str) -> Value:  # noqa: ARG001 - nobody is allowed only a selection
    """Ask about those that a selector of labels selects: no more is allowed than for all."""
    return _with(value)


def check(value: Value, verb: str) -> Value:
    """Ask.

    Raises:
        TypeError: this is no question, or there is nobody to ask.

    """
    answer = _answer.get()
    if answer is None:
        raise TypeError("no such overload")
    return {_DECIDED: answer({**_question(value), "verb": verb})}


def is_allowed(value: Value) -> bool:
    """Tell whether the answer was yes."""
    found = value.get(_DECIDED)
    if not isinstance(found, bool):
        raise TypeError("no such overload")
    return found


def reason(value: Value) -> str:
    """Give what was said with the answer: nothing, here."""
    is_allowed(value)
    return ""


def is_errored(value: Value) -> bool:
    """Tell whether there was no answer: there always is one."""
    is_allowed(value)
    return False


def _with(value: Value, **more: str) -> Value:
    return {_ASKED: {**_question(value), **more}}


def _question(value: Value) -> Question:
    found = value.get(_ASKED)
    if not isinstance(found, dict):
        raise TypeError("no such overload")
    return found
