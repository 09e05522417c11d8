"""[IO] ComponentStatuses: not stored, but what the parts of the control plane are. All are this process."""

from __future__ import annotations

from aiohttp import web

from netemu.api.client import Object
from netemu.api.errors import MethodNotAllowedError
from netemu.api.kinds import COMPONENT_STATUS
from netemu.apiserver import forms, words
from netemu.apiserver.encodings import object_answer
from netemu.apiserver.forms import Form
from netemu.apiserver.listanswers import list_answer
from netemu.apiserver.paging import Page
from netemu.apiserver.routes import ObjectPath
from netemu.apiserver.selection import parse_selection
from netemu.apiserver.versions import deprecations
from netemu.naming import Revision

_NAMES = ("controller-manager", "etcd-0", "scheduler")


async def component_answer(
    request: web.BaseRequest, path: ObjectPath, form: Form, revision: Revision, now_s: float
) -> web.StreamResponse:
    """Answer a request for them: whoever answers is healthy.

    Raises:
        NotFoundError: there is no such component.
        MethodNotAllowedError: they can only be read.

    """
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowedError(
            "the server does not allow this method on the requested resource", kind=path.kind.resource
        )
    said = deprecations(COMPONENT_STATUS)
    if path.name:
        if path.name not in _NAMES:
            raise words.not_found(COMPONENT_STATUS, path.name)
        shown = forms.render_object(COMPONENT_STATUS, _component(path.name), form, now_s)
        return object_answer(shown, form.encoding, warnings=said)
    query = request.query
    selection = parse_selection(
        COMPONENT_STATUS, query.get("labelSelector", ""), query.get("fieldSelector", "")
    )
    found = [obj for obj in map(_component, _NAMES) if selection.selects(obj)]
    listing = forms.render_list(COMPONENT_STATUS, Page(found, revision), form, now_s)
    return await list_answer(request, listing, warnings=said)


def _component(name: str) -> Object:
    return {
        "kind": COMPONENT_STATUS.kind,
        "apiVersion": COMPONENT_STATUS.api_version,
        "metadata": {"name": name, "creationTimestamp": None},
        "conditions": [{"type": "Healthy", "status": "True", "message": "ok"}],
    }
