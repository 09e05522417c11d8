"""[IO] Requests about access itself: reviews, tokens, and the key that tokens are checked with."""

from __future__ import annotations

from aiohttp import web

from netemu.api import schema
from netemu.api.client import Object
from netemu.api.errors import BadRequestError, MethodNotAllowedError
from netemu.api.kinds import POD, SECRET, SERVICE_ACCOUNT
from netemu.apiserver import answers, bodies
from netemu.apiserver.auth import reviews
from netemu.apiserver.auth.accounts import ServiceAccounts
from netemu.apiserver.auth.guard import Guard
from netemu.apiserver.auth.user import User
from netemu.apiserver.encodings import object_answer
from netemu.apiserver.forms import parse_whole_form
from netemu.apiserver.registry import Registry
from netemu.apiserver.words import conflict

_BINDABLE = {"Pod": POD, "Secret": SECRET}
_CONFIGURATION = "/.well-known/openid-configuration"
_KEYS = "/openid/v1/jwks"


class AccessRequests:
    """Answers what is asked about access; all else is not its business."""

    def __init__(self, registry: Registry, guard: Guard) -> None:
        self._registry = registry
        self._guard = guard

    async def answer(self, request: web.BaseRequest, user: User) -> web.Response | None:
        """Answer a request, or give ``None`` when it is about something else."""
        found = reviews.review_of(request.path)
        if found is not None:
            _require_post(request)
            asked = bodies.parse_object(await request.read(), request.content_type)
            schema.check_sent(found[0], reviews.group_of(found[0]), "v1", asked)
            return _answered(request, reviews.answered(self._guard, user, *found, asked))
        accounts = self._guard.accounts
        if accounts is None:
            return None
        if request.path in (_CONFIGURATION, _KEYS):
            return answers.json_answer(_document(request.path, accounts))
        match request.path.split("/"):
            case ["", "api", "v1", "namespaces", namespace, "serviceaccounts", name, "token"]:
                _require_post(request)
                return await self._token(request, accounts, namespace, name)
        return None

    async def _token(
        self, request: web.BaseRequest, accounts: ServiceAccounts, namespace: str, name: str
    ) -> web.Response:
        account = self._registry.get(SERVICE_ACCOUNT, namespace, name)
        asked = bodies.parse_object(await request.read(), request.content_type)
        schema.check_sent("TokenRequest", reviews.AUTHENTICATION, "v1", asked)
        bound = self._bound(namespace, (asked.get("spec") or {}).get("boundObjectRef"))
        return _answered(request, reviews.token_request(accounts, account, asked, bound))

    def _bound(self, namespace: str, reference: Object | None) -> Object | None:
        """Find the object without which the token is to be nothing.

        Raises:
            BadRequestError, NotFoundError, ConflictError: it cannot be bound to that.

        """
        if not reference:
            return None
        kind = _BINDABLE.get(reference.get("kind", ""))
        if kind is None:
            given = f"{reference.get('apiVersion', '')}, Kind={reference.get('kind', '')}"
            raise BadRequestError(f"cannot bind token for serviceaccount to object of type {given}")
        found = self._registry.get(kind, namespace, reference.get("name", ""))
        uid = reference.get("uid")
        if uid and uid != found["metadata"]["uid"]:
            why = f"the UID in the bound object reference ({uid}) does not match the UID in record"
            raise conflict(kind, reference["name"], why)
        return found


def _answered(request: web.BaseRequest, obj: Object) -> web.Response:
    form = parse_whole_form(request.headers.get("Accept", ""))
    return object_answer(obj, form.encoding, status=201)


def _document(path: str, accounts: ServiceAccounts) -> Object:
    if path == _KEYS:
        return accounts.jwks()
    return {
        "issuer": accounts.issuer,
        "jwks_uri": f"{accounts.issuer}{_KEYS}",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }


def _require_post(request: web.BaseRequest) -> None:
    if request.method != "POST":
        raise MethodNotAllowedError("the server does not allow this method on the requested resource")
