"""The Common Expression Language, with what Kubernetes adds to it. Pure.

``program`` compiles and evaluates and is the one place that knows the library behind it, which is
loaded with the first expression: a cluster without rules pays nothing. ``library`` has Kubernetes'
functions, ``values`` turns objects into what expressions see, ``fields`` checks expressions against
schemas.

Source: https://kubernetes.io/docs/reference/using-api/cel/ and https://github.com/google/cel-spec.
"""

from netemu.api.cel.program import CompileError, EvaluationError, Program, compile_expression

__all__ = ["CompileError", "EvaluationError", "Program", "compile_expression"]
