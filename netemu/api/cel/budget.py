"""What expressions may cost: so much time for all that one write needs.

Kubernetes counts what each step costs and stops at what it takes to be a second. The library does not
count, so the time is measured: the processor's, so that a busy machine refuses no more than an idle one.

Source: apiserver ``pkg/apis/cel/config.go`` (RuntimeCELCostBudget, PerCallLimit).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from netemu.errors import NetemuError

SPENT = "validation failed due to running out of cost budget, no further validation rules will be run"

SPEND_S = 1.0
"""How long the rules of one object, or the expressions of one policy, may take."""


class EvaluationError(NetemuError):
    """An expression that has no value for what it was given, in CEL's words."""

    code = "CEL_EVALUATION"


class OutOfBudgetError(EvaluationError):
    """Expressions that took all the time that they may take."""


class Budget:
    """What is left for the expressions of one write."""

    def __init__(self, spend_s: float = SPEND_S, clock: Callable[[], float] = time.thread_time) -> None:
        self._left_s = spend_s
        self._clock = clock
        self._began_s = clock()

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Count the time that the block takes.

        Raises:
            OutOfBudgetError: none is left.

        """
        self._began_s = self._clock()
        self.check()
        try:
            yield
        finally:
            self._left_s -= self._clock() - self._began_s

    def check(self) -> None:
        """Stop where nothing is left.

        Raises:
            OutOfBudgetError: nothing is.

        """
        if self._left_s <= self._clock() - self._began_s:
            raise OutOfBudgetError(SPENT)
