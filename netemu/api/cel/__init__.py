"""The Common Expression Language, with what Kubernetes adds to it. Pure.

``program`` compiles and evaluates and is the one place that knows the library behind it, which is
loaded with the first expression: a cluster without rules pays nothing. ``library`` has Kubernetes'
functions, ``rewriting`` what is written in terms that the library does not know, ``values`` turns
objects into what expressions see, ``composition`` is about variables, ``mutation`` about changes;
``fields`` checks expressions against schemas.

Source: https://kubernetes.io/docs/reference/using-api/cel/ and https://github.com/google/cel-spec.
"""

from netemu.api.cel.budget import Budget, EvaluationError, OutOfBudgetError
from netemu.api.cel.composition import VARIABLES, evaluate_variables, optional_variables
from netemu.api.cel.program import CompileError, Program, compile_expression

__all__ = [
    "VARIABLES",
    "Budget",
    "CompileError",
    "EvaluationError",
    "OutOfBudgetError",
    "Program",
    "compile_expression",
    "evaluate_variables",
    "optional_variables",
]
