"""Errors in kubectl's words."""

import pytest

from netemu.api.errors import Cause, InvalidError, NotFoundError, UnavailableError
from netemu.cli.failures import render_failure
from netemu.errors import NetemuError

PORT = Cause(field="spec.ports[0].port", message="Invalid value: 0: must be between 1 and 65535, inclusive")
NAME = Cause(field="metadata.name", message="Required value", reason="FieldValueRequired")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        pytest.param(NetemuError("it broke"), "error: it broke", id="plain"),
        pytest.param(
            NetemuError("it broke", hint="Mend it."), "error: it broke\n  Mend it.", id="with-a-hint"
        ),
        pytest.param(
            NotFoundError('pods "x" not found'),
            'Error from server (NotFound): pods "x" not found',
            id="not-found",
        ),
        pytest.param(UnavailableError("nobody answers"), "error: nobody answers", id="unavailable"),
        pytest.param(
            InvalidError("…", kind="Service", name="web", causes=(PORT,)),
            f'The Service "web" is invalid: {PORT.field}: {PORT.message}',
            id="one-cause",
        ),
        pytest.param(
            InvalidError("…", kind="Service", name="web", causes=(PORT, NAME)),
            f'The Service "web" is invalid: \n* {PORT.field}: {PORT.message}\n* {NAME.field}: {NAME.message}',
            id="two-causes",
        ),
        pytest.param(InvalidError("no good"), "The request is invalid: no good", id="no-cause"),
    ],
)
def test_an_error_is_worded_as_kubectl_does(error, text):
    assert render_failure(error) == text
