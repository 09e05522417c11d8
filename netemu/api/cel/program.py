"""Compile and evaluate expressions: all that touches the library (cel-expr-python, Google's cel-cpp)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, Self

from netemu.api.cel.budget import SPENT, Budget, EvaluationError
from netemu.api.cel.library import FUNCTIONS, Param
from netemu.api.cel.loops import Run, Split, TooManyStepsError
from netemu.api.cel.optionals import misused
from netemu.api.cel.rewriting import Rewritten, literal_problems, may_need_it, rewrite
from netemu.api.cel.tree import Tree, read_tree, replaced_root
from netemu.errors import NetemuError

_CODE = re.compile(r" ?\[[A-Z_]+\]\s*$")
_STATUS = re.compile(r"^[A-Z_]+: ")
_NO_WAY_BACK = "Non-CEL value type"
_TOO_MANY = "Iteration budget exceeded"
_NO_KEY = re.compile(r'Key not found in map : "?(.*?)"?$')


class CompileError(NetemuError):
    """Text that is no expression, in CEL's words."""

    code = "CEL_COMPILE"


class _Environment(NamedTuple):
    """The surroundings of expressions; and the type of what fails, which only the library knows."""

    env: Any
    error: Any


class Program:
    """One compiled expression; may be evaluated any number of times."""

    def __init__(self, compiled: Any, environment: _Environment, source: Rewritten) -> None:
        self.source = source
        self._compiled = compiled
        self._environment = environment
        self._parts: dict[bytes, Self] = {}

    @cached_property
    def _split(self) -> Split:
        return Split(self.tree)

    @property
    def tree(self) -> Tree:
        """The expression, with the types that are known."""
        return read_tree(self._compiled.serialize())

    @property
    def is_optional(self) -> bool:
        """Whether the result is one that may be absent: such a value exists in expressions alone."""
        return self.type.startswith("optional_type")

    @property
    def type(self) -> str:
        """The name of the result's type; ``dyn`` where only values tell."""
        return str(self._compiled.return_type().name())

    def evaluate(self, values: Mapping[str, Any], budget: Budget | None = None) -> Any:
        """Give the expression's value; what it takes is taken from a budget.

        Raises:
            EvaluationError: it has none.

        """
        budget = budget or Budget()
        with budget.spending():
            try:
                if not self._split.loops:
                    return self.once(values)
            except TooManyStepsError:
                pass  # see below
            try:
                return Run(self, self._split, values, budget).evaluate(self._split.root, {})
            except EvaluationError as err:
                if _NO_WAY_BACK not in err.message:
                    raise
                return self.once(values)  # times and the like do not come back from Python

    def once(self, values: Mapping[str, Any]) -> Any:
        """Give the expression's value, if its loops are short.

        Raises:
            TooManyStepsError: they are not.
            EvaluationError: it has none.

        """
        try:
            result = self._compiled.eval(data=values)
            if result.type() == self._environment.error:
                raise EvaluationError(_in_words(str(result.value())))
            return result.plain_value()
        except RuntimeError as err:
            if _TOO_MANY in str(err):
                raise TooManyStepsError(SPENT) from err
            raise EvaluationError(_in_words(str(err))) from err
        except TypeError as err:  # an optional value, which only expressions know
            raise EvaluationError("no such overload") from err

    def part(self, expression: bytes) -> Self:
        """Give another expression with the same surroundings, as one that was checked already."""
        if expression not in self._parts:
            written = replaced_root(self._compiled.serialize(), expression)
            compiled = self._environment.env.deserialize(written)
            self._parts[expression] = type(self)(compiled, self._environment, self.source)
        return self._parts[expression]


@lru_cache(maxsize=4096)
def compile_expression(
    text: str,
    variables: tuple[str, ...],
    *,
    has_literals: bool = False,
    optionals: frozenset[str] = frozenset(),
) -> Program:
    """Compile an expression over some variables, each of any type.

    With ``has_literals``, there are ``Object…{}`` and ``JSONPatch{}``; ``optionals`` are names below
    ``variables`` that have optional values, handed in as lists of one item or none.

    Raises:
        CompileError: it is none.

    """
    source = Rewritten(text)
    try:
        environment = _environment(variables)
        if may_need_it(text, has_literals=has_literals, optionals=optionals):
            tree = read_tree(environment.env.compile(text, disable_check=True).serialize())
            if has_literals and (said := "\n".join(literal_problems(text, tree))):
                raise CompileError(said)
            source = rewrite(text, tree, has_literals=has_literals, optionals=optionals)
        made = Program(environment.env.compile(source.text), environment, source)
        if said := "\n".join(misused(made.tree, source.text, FUNCTIONS)):
            raise CompileError(source.words(said))
        return made
    except RuntimeError as err:
        said = _CODE.sub("", _STATUS.sub("", str(err)))
        raise CompileError(source.words(said)) from err


@lru_cache(maxsize=32)
def _environment(variables: tuple[str, ...]) -> _Environment:
    from cel_expr_python import cel
    from cel_expr_python.ext import ext_bindings, ext_encoders, ext_math, ext_optional, ext_strings

    types = {
        Param.ANY: cel.Type.DYN,
        Param.BOOL: cel.Type.BOOL,
        Param.INT: cel.Type.INT,
        Param.FLOAT: cel.Type.DOUBLE,
        Param.TEXT: cel.Type.STRING,
        Param.LIST: cel.Type.List(cel.Type.DYN),
        Param.VALUE: cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    }
    declared = [
        cel.FunctionDecl(
            name,
            [
                cel.Overload(
                    f"{name}_{index}",
                    types[each.result],
                    [types[param] for param in each.params],
                    each.is_member,
                    each.do,
                )
                for index, each in enumerate(overloads)
            ],
        )
        for name, overloads in FUNCTIONS.items()
    ]
    environment = cel.NewEnv(
        variables=dict.fromkeys(variables, cel.Type.DYN),
        extensions=[
            ext_optional.ExtOptional(),
            ext_strings.ExtStrings(),
            ext_bindings.ExtBindings(),
            ext_math.ExtMath(),
            ext_encoders.ExtEncoders(),
            # After the others: what adds to a function must come after it.
            cel.CelExtension("kubernetes", declared),
        ],
    )
    return _Environment(environment, cel.Type.ERROR)


def _in_words(error: str) -> str:
    """Say it as cel-go does."""
    text = _CODE.sub("", _STATUS.sub("", error))
    key = _NO_KEY.search(text)
    if key is not None:
        return f"no such key: {key[1]}"
    if "No matching overloads found" in text or "Applying SELECT" in text:
        return "no such overload"
    return text
