"""Loops that the library does not do well: it takes at most 10,000 steps, and cannot be told otherwise;
``map`` and ``filter`` copy all that they have made for each item.

So these two become calls of ``loop__``, which puts together what the library makes of a hundred items at a
time. An expression that still needs more steps is evaluated again with all of its loops as such calls, each
over some of the items, beginning with what the last one made. Where one item is too much, the loops for
that item are evaluated so, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Protocol, Self

from netemu.api.cel.budget import Budget, EvaluationError
from netemu.api.cel.tree import Form, Node, Tree, parts, read_node, text_in, walk
from netemu.api.protobuf.wire import read_fields, write_bytes, write_int

FUNCTION = "loop__"

Values = Mapping[str, Any]
Names = tuple[str, ...]

_PIECE, _GROWING_PIECE = 4000, 100
_ITEMS, _MADE = "items__", "made__"
# The parts of a loop, by their field numbers in cel.expr.Expr.Comprehension.
_ITEM_NAME, _RANGE, _MADE_NAME, _START, _CONDITION, _STEP, _RESULT = 1, 2, 3, 4, 5, 6, 7
_CHILDREN = {Form.SELECT: (1,), Form.CALL: (1, 3), Form.LIST: (1,), Form.STRUCT: (2,)}
_INNER = (_CONDITION, _STEP, _RESULT)


class TooManyStepsError(EvaluationError):
    """Loops that need more steps than the library takes at once."""


class Runnable(Protocol):
    """An expression of the library's."""

    def once(self, values: Values) -> Any:
        """Evaluate it at once, or raise ``TooManyStepsError``."""
        ...

    def part(self, expression: bytes) -> Self:
        """Give another expression with the same surroundings; the same one for the same."""
        ...


class Split:
    """An expression with calls in place of loops, and what they are calls of."""

    def __init__(self, tree: Tree) -> None:
        self.loops: list[Node] = []
        self._whole: dict[tuple[bytes, Names], bytes] = {}
        self._optional = _optional_names(tree)
        self.root = tree.root
        if any(_grows(node) for node in walk(tree.root)):
            self.root = self.without(tree.root, (), _grows)

    def without_any(self, expression: bytes, names: Names) -> bytes:
        """Write a part of the expression with calls in place of its outermost loops."""
        key = expression, names
        if key not in self._whole:
            self._whole[key] = self.without(expression, names, _is_any)
        return self._whole[key]

    def without(self, expression: bytes, names: Names, is_gone: Callable[[Node], bool]) -> bytes:
        """Write an expression with calls in place of some of its loops; ``names`` are those around it."""
        node = read_node(expression)
        if node.form is Form.LOOP:
            return self._without_loop(node, names, is_gone)
        if node.form not in _CHILDREN:
            return expression

        def below(part: bytes) -> bytes:
            return self.without(part, names, is_gone)

        def entry(part: bytes) -> bytes:
            return _rebuilt(part, (3, 4), below)

        body = _rebuilt(node.body, _CHILDREN[node.form], entry if node.form is Form.STRUCT else below)
        return write_int(2, node.id) + write_bytes(node.form, body)

    def _without_loop(self, node: Node, names: Names, is_gone: Callable[[Node], bool]) -> bytes:
        inner = names_in(node, names)
        body = _rebuilt(node.body, (_RANGE, _START), lambda part: self.without(part, names, is_gone))
        if is_gone is not _is_any:  # else what is inside is looked at when it is needed
            body = _rebuilt(body, _INNER, lambda part: self.without(part, inner, is_gone))
        made = write_int(2, node.id) + write_bytes(Form.LOOP, body)
        if not is_gone(node) or any(
            each.form is Form.IDENTIFIER and text_in(each.body, 1) in self._optional for each in walk(made)
        ):
            return made
        names = tuple(name for name in names if name not in self._optional)
        self.loops.append(Node(node.id, node.form, body))
        return _call(node.id, len(self.loops) - 1, names)


class Run:
    """The evaluation of one expression with such loops."""

    def __init__(self, program: Runnable, split: Split, values: Values, budget: Budget) -> None:
        self._program, self._split, self._values, self._budget = program, split, values, budget

    def evaluate(self, expression: bytes, scope: Values) -> Any:
        """Give the value of an expression."""
        token = _run.set(self)
        try:
            return self._once(expression, scope)
        except TooManyStepsError:
            names = tuple(name for name in scope if _can_be_said(name))
            return self._once(self._split.without_any(expression, names), scope)
        finally:
            _run.reset(token)

    def loop(self, number: int, scope: Values) -> Any:
        """Give what a loop makes, with the values that loops around it have just now."""
        node = self._split.loops[number]
        item_name, made_name = text_in(node.body, _ITEM_NAME), text_in(node.body, _MADE_NAME)
        range_, start, condition, step, result = (
            next(parts(node.body, each)) for each in (_RANGE, _START, *_INNER)
        )
        grows = _grows(node)
        items, made = list(self.evaluate(range_, scope)), self.evaluate(start, scope)
        piece, at, size = _piece(node, keeps_start=grows), 0, _GROWING_PIECE if grows else _PIECE
        while at < len(items) and (grows or self._once(condition, {**scope, made_name: made})):
            some, had = items[at : at + size], [] if grows else made
            try:
                more = self._once(piece, {**scope, _ITEMS: some, _MADE: had})
            except TooManyStepsError:
                if size > 1:
                    size = max(1, size // 8)
                    continue
                more = self.evaluate(step, {**scope, item_name: some[0], made_name: had})
            made = [*made, *more] if grows else more
            at += len(some)
        return self.evaluate(result, {**scope, made_name: made})

    def _once(self, expression: bytes, scope: Values) -> Any:
        self._budget.check()
        return self._program.part(expression).once({**self._values, **scope})


def _optional_names(tree: Tree) -> frozenset[str]:
    """Give the names of values that may be absent: such a value cannot be handed to ``loop__``."""
    return frozenset(
        text_in(node.body, _MADE_NAME)
        for node in walk(tree.root)
        if node.form is Form.LOOP and tree.has_optional(read_node(next(parts(node.body, _START))).id)
    )


def names_in(node: Node, names: Names) -> Names:
    """Give the names that are known in a loop, where they are known around it."""
    own = (text_in(node.body, _ITEM_NAME), text_in(node.body, _MADE_NAME))
    return tuple(dict.fromkeys((*names, *(name for name in own if _can_be_said(name)))))


def _can_be_said(name: str) -> bool:
    """Tell whether it is a name of who wrote the expression, not one of a macro's own."""
    return name.isidentifier()


def _grows(node: Node) -> bool:
    """Tell whether a loop is one of ``map`` or ``filter``: it begins with an empty list."""
    if node.form is not Form.LOOP:
        return False
    start = read_node(next(parts(node.body, _START)))
    return start.form is Form.LIST and not start.body


def _is_any(_node: Node) -> bool:
    return True


_run: ContextVar[Run] = ContextVar("run")


def loop(number: int, scope: dict[str, Any]) -> Any:
    """Evaluate a loop of the expression that is being evaluated: what ``loop__`` is."""
    return _run.get().loop(number, scope)


def _piece(node: Node, *, keeps_start: bool) -> bytes:
    """Give a loop over ``items__`` that begins with ``made__``, or as ever, and gives what it made."""
    made = _identifier(text_in(node.body, _MADE_NAME))
    start = {} if keeps_start else {_START: _identifier(_MADE)}
    instead = {_RANGE: _identifier(_ITEMS), _RESULT: made, **start}
    fields = ((number, instead.get(number, part)) for number, part in read_fields(node.body))
    return write_int(2, node.id) + write_bytes(Form.LOOP, b"".join(_fields(fields)))


def _rebuilt(body: bytes, numbers: tuple[int, ...], change: Callable[[bytes], bytes]) -> bytes:
    """Write a message again, with some of its fields changed."""
    return b"".join(
        _fields(
            (number, change(part) if number in numbers and isinstance(part, bytes) else part)
            for number, part in read_fields(body)
        )
    )


def _fields(fields: Iterable[tuple[int, int | bytes]]) -> Iterator[bytes]:
    for number, part in fields:
        yield write_int(number, part) if isinstance(part, int) else write_bytes(number, part)


def _call(at: int, number: int, names: tuple[str, ...]) -> bytes:
    """Write a call of ``loop__`` with the values that these names have."""
    scope = b"".join(
        write_bytes(
            2, write_bytes(3, _constant(write_bytes(6, name.encode()))) + write_bytes(4, _identifier(name))
        )
        for name in names
    )
    arguments = (_constant(write_int(3, number)), write_bytes(Form.STRUCT, scope))
    body = write_bytes(2, FUNCTION.encode()) + b"".join(write_bytes(3, each) for each in arguments)
    return write_int(2, at) + write_bytes(Form.CALL, body)


def _identifier(name: str) -> bytes:
    return write_bytes(Form.IDENTIFIER, write_bytes(1, name.encode()))


def _constant(value: bytes) -> bytes:
    return write_bytes(Form.CONSTANT, value)
