"""Who is let in, over TLS and over the socket, and what is said to who is not."""

from __future__ import annotations

import asyncio
import socket
import ssl
from ipaddress import IPv4Address

import msgspec
import pytest

from netemu.api.kinds import POD, ROLE, ROLE_BINDING, SERVICE_ACCOUNT
from netemu.apiclient.http import HttpClient
from netemu.apiserver.auth.guard import Guard
from netemu.apiserver.auth.policy import GROUP
from netemu.apiserver.auth.rbac import Rbac
from netemu.apiserver.http import Secure, serve
from netemu.cluster.api_access import server_tls
from netemu.pki.files import PkiFiles
from netemu.pki.invoke import ensure_files
from netemu.testing import builders

PODS = "/api/v1/namespaces/default/pods"
REVIEWS = "/apis/authorization.k8s.io/v1"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    files = PkiFiles(tmp_path_factory.mktemp("pki") / "pki")
    ensure_files(files, ["localhost"], [IPv4Address("127.0.0.1")], now_s=1_700_000_000.0)
    return files


@pytest.fixture
async def guarded(registry, pods, socket_path, clock, accounts, keys):
    """An API that enforces roles; gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    guard = Guard(Rbac(registry), accounts)
    secure = Secure([listener], server_tls(keys))
    async with serve(registry, pods, socket_path, clock=clock, guard=guard, secure=secure):
        yield listener.getsockname()[1]


@pytest.fixture
async def local(guarded, socket_path):
    client = HttpClient(socket_path)
    yield client
    await client.close()


@pytest.fixture
def ask(guarded, keys):
    """Make a request over TLS; gives the status and the answer."""

    async def asked(method, path, body=None, *, token="", as_admin=False, **headers):
        tls = ssl.create_default_context(cafile=keys.ca)
        if as_admin:
            tls.load_cert_chain(keys.admin, keys.admin_key)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", guarded, ssl=tls, server_hostname="localhost"
        )
        content = b"" if body is None else msgspec.json.encode(body)
        given = {"Host": "localhost", "Connection": "close", "Content-Length": str(len(content)), **JSON}
        given |= {"Authorization": f"Bearer {token}"} if token else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        writer.write(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + content)
        head, _, answer = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        return int(head.split()[1]), answer

    return asked


def decoded(answer):
    return msgspec.json.decode(answer[1])


async def test_without_a_credential_nothing_is_said(ask):
    status, answer = await ask("GET", PODS)

    assert status == 401
    assert msgspec.json.decode(answer)["reason"] == "Unauthorized"


@pytest.mark.parametrize("path", ["/version", "/healthz", "/livez", "/readyz"])
async def test_whether_it_works_is_said_to_everyone(ask, path):
    assert (await ask("GET", path))[0] == 200


@pytest.mark.parametrize("path", ["/api", "/apis", "/openapi/v2", "/versions", "/nothing"])
async def test_what_is_there_is_not_said_to_everyone(ask, path):
    assert (await ask("GET", path))[0] == 401


async def test_the_admins_certificate_opens_everything(ask):
    assert (await ask("GET", PODS, as_admin=True))[0] == 200


async def test_a_wrong_token_is_not_made_good_by_being_on_the_socket(local):
    response = await local.request("GET", PODS, headers={"Authorization": "Bearer nonsense"})

    assert response.status == 401


async def test_who_may_open_the_socket_is_the_owner(local):
    assert (await local.request("GET", PODS)).status == 200


@pytest.fixture
async def token(registry, accounts):
    """A token of ``robot``, who may do nothing yet."""
    account = await registry.create(SERVICE_ACCOUNT, {"metadata": {"name": "robot", "namespace": "default"}})
    return accounts.issue(account).token


@pytest.fixture
async def view(registry):
    """Let ``robot`` look at everything of its namespace."""
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
    await registry.create(ROLE, {"metadata": {"name": "view", "namespace": "default"}, "rules": rules})
    binding = {
        "metadata": {"name": "view", "namespace": "default"},
        "roleRef": {"apiGroup": GROUP, "kind": "Role", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": "default"}],
    }
    await registry.create(ROLE_BINDING, binding)


async def test_an_account_may_do_what_its_roles_say_and_no_more(ask, token, view):
    assert (await ask("GET", PODS, token=token))[0] == 200

    status, answer = await ask("POST", PODS, builders.pod("x"), token=token)

    assert status == 403
    assert msgspec.json.decode(answer)["message"] == (
        'pods is forbidden: User "system:serviceaccount:default:robot" cannot create resource "pods" in'
        ' API group "" in the namespace "default"'
    )


@pytest.fixture
async def role_maker(registry):
    """Let ``robot`` make roles and bindings of its namespace, beside looking at pods."""
    rules = [
        {"apiGroups": [GROUP], "resources": ["roles", "rolebindings"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
    ]
    meta = {"name": "maker", "namespace": "default"}
    await registry.create(ROLE, {"metadata": meta, "rules": rules[:1]})
    await registry.create(ROLE, {"metadata": {**meta, "name": "looker"}, "rules": rules[1:]})
    for name in ("maker", "looker"):
        binding = {
            "metadata": {**meta, "name": name},
            "roleRef": {"apiGroup": GROUP, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": "default"}],
        }
        await registry.create(ROLE_BINDING, binding)


def role(name, *verbs, resource="pods"):
    rules = [{"apiGroups": [""], "resources": [resource], "verbs": list(verbs)}]
    return {"metadata": {"name": name}, "rules": rules}


ROLES = f"/apis/{GROUP}/v1/namespaces/default/roles"


async def test_nobody_writes_a_role_that_does_more_than_they_may(ask, token, view, role_maker):
    # Every verb on roles would hold `escalate`.
    narrow = [{"apiGroups": [GROUP], "resources": ["roles"], "verbs": ["create", "update", "get"]}]
    path = f"{ROLES}/maker"
    stored = decoded(await ask("GET", path, as_admin=True))
    assert (await ask("PUT", path, {**stored, "rules": narrow}, as_admin=True))[0] == 200

    assert (await ask("POST", ROLES, role("same", "get"), token=token))[0] == 201
    status, answer = await ask("POST", ROLES, role("more", "get", "delete"), token=token)
    grown = {**stored, "rules": [*narrow, {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}
    changed, _ = await ask("PUT", path, {**grown, "metadata": {"name": "maker"}}, token=token)

    assert (status, changed) == (403, 403)
    assert (
        "is attempting to grant RBAC permissions not currently held" in decoded((status, answer))["message"]
    )


async def test_who_may_escalate_writes_any_role(ask, token, role_maker):
    assert (await ask("POST", ROLES, role("any", "*", resource="*"), token=token))[0] == 201


async def test_a_binding_gives_no_more_than_its_writer_has(ask, token, registry, role_maker):
    verbs = ["create", "get"]
    rules = [{"apiGroups": [GROUP], "resources": ["rolebindings"], "verbs": verbs}]
    await registry.create(
        ROLE,
        {**role("keys", "get", resource="secrets"), "metadata": {"name": "keys", "namespace": "default"}},
    )
    maker = decoded(await ask("GET", f"{ROLES}/maker", as_admin=True))
    await ask("PUT", f"{ROLES}/maker", {**maker, "rules": rules}, as_admin=True)

    def binding(name):
        return {
            "metadata": {"name": f"to-{name}"},
            "roleRef": {"apiGroup": GROUP, "kind": "Role", "name": name},
            "subjects": [{"kind": "User", "apiGroup": GROUP, "name": "ann"}],
        }

    path = f"/apis/{GROUP}/v1/namespaces/default/rolebindings"
    assert (await ask("POST", path, binding("looker"), token=token))[0] == 201
    assert (await ask("POST", path, binding("keys"), token=token))[0] == 403


@pytest.mark.parametrize(("verbs", "status"), [(["patch"], 403), (["patch", "create"], 201)])
async def test_an_apply_that_creates_needs_the_right_to_create(ask, token, registry, verbs, status):
    made = role("patcher", *verbs, resource="configmaps")
    await registry.create(ROLE, {**made, "metadata": {"name": "patcher", "namespace": "default"}})
    binding = {
        "metadata": {"name": "patcher", "namespace": "default"},
        "roleRef": {"apiGroup": GROUP, "kind": "Role", "name": "patcher"},
        "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": "default"}],
    }
    await registry.create(ROLE_BINDING, binding)
    wish = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    path = "/api/v1/namespaces/default/configmaps/c?fieldManager=me"
    apply = {"Content_Type": "application/apply-patch+yaml"}

    assert (await ask("PATCH", path, wish, token=token, **apply))[0] == status


async def test_an_admin_can_try_what_another_may_do(ask, token, view):
    as_robot = {"Impersonate_User": "system:serviceaccount:default:robot"}

    assert (await ask("GET", PODS, as_admin=True, **as_robot))[0] == 200
    assert (await ask("GET", "/api/v1/nodes", as_admin=True, **as_robot))[0] == 403


async def test_nobody_becomes_another_without_the_right_to(ask, token):
    status, answer = await ask("GET", PODS, token=token, Impersonate_User="kubernetes-admin")

    assert status == 403
    assert 'cannot impersonate resource "users"' in msgspec.json.decode(answer)["message"]


async def test_a_user_can_ask_what_they_may_do(local):
    spec = {"resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "default"}}
    body = msgspec.json.encode({"spec": spec})
    response = await local.request("POST", f"{REVIEWS}/selfsubjectaccessreviews", body=body, headers=JSON)

    assert response.status == 201
    assert msgspec.json.decode(response.body)["status"] == {"allowed": True}


@pytest.mark.parametrize(("verb", "may"), [("list", True), ("delete", False)])
async def test_an_admin_can_ask_what_others_may_do(ask, token, view, verb, may):
    attributes = {"verb": verb, "resource": "pods", "namespace": "default"}
    spec = {"resourceAttributes": attributes, "user": "system:serviceaccount:default:robot"}

    answer = await ask("POST", f"{REVIEWS}/subjectaccessreviews", {"spec": spec}, as_admin=True)

    assert decoded(answer)["status"]["allowed"] is may


async def test_a_local_review_is_of_its_namespace(ask):
    path = f"{REVIEWS}/namespaces/default/localsubjectaccessreviews"
    spec = {"resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "other"}, "user": "ann"}

    assert (await ask("POST", path, {"spec": spec}, as_admin=True))[0] == 422


async def test_a_review_without_a_question_is_invalid(ask):
    answer = await ask("POST", f"{REVIEWS}/selfsubjectaccessreviews", {"spec": {}}, as_admin=True)

    assert answer[0] == 422


async def test_who_one_is_can_be_asked(ask):
    answer = await ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, as_admin=True)

    assert decoded(answer)["status"]["userInfo"] == {
        "username": "kubernetes-admin",
        "groups": ["system:masters", "system:authenticated"],
    }


async def test_whose_a_token_is_can_be_asked(ask, token):
    path = "/apis/authentication.k8s.io/v1/tokenreviews"

    known = decoded(await ask("POST", path, {"spec": {"token": token}}, as_admin=True))["status"]
    unknown = decoded(await ask("POST", path, {"spec": {"token": "x"}}, as_admin=True))["status"]

    assert known["authenticated"] is True
    assert known["user"]["username"] == "system:serviceaccount:default:robot"
    assert "authenticated" not in unknown
    assert "invalid bearer token" in unknown["error"]


async def test_a_token_can_be_had_for_an_account(ask, token, accounts):
    path = "/api/v1/namespaces/default/serviceaccounts/robot/token"
    status, answer = await ask("POST", path, {"spec": {"expirationSeconds": 700}}, as_admin=True)

    assert status == 201
    given = msgspec.json.decode(answer)["status"]
    assert given["expirationTimestamp"] == "2023-11-14T22:25:00Z"
    assert accounts.user_of(given["token"]).name == "system:serviceaccount:default:robot"


@pytest.mark.parametrize("seconds", [300, 1 << 33])
async def test_a_token_lives_ten_minutes_at_least(ask, token, seconds):
    path = "/api/v1/namespaces/default/serviceaccounts/robot/token"

    assert (await ask("POST", path, {"spec": {"expirationSeconds": seconds}}, as_admin=True))[0] == 422


async def test_a_token_can_be_bound_to_a_pod(ask, token, registry, accounts):
    pod = await registry.create(POD, builders.pod("web"))
    path = "/api/v1/namespaces/default/serviceaccounts/robot/token"
    reference = {"kind": "Pod", "apiVersion": "v1", "name": "web"}

    answer = decoded(await ask("POST", path, {"spec": {"boundObjectRef": reference}}, as_admin=True))
    other = {**reference, "uid": "another"}
    refused = await ask("POST", path, {"spec": {"boundObjectRef": other}}, as_admin=True)

    user = accounts.user_of(answer["status"]["token"])
    assert user.extra["authentication.kubernetes.io/pod-uid"] == (pod["metadata"]["uid"],)
    assert refused[0] == 409


async def test_the_key_that_checks_tokens_is_published(ask):
    document = decoded(await ask("GET", "/.well-known/openid-configuration", as_admin=True))
    keys = decoded(await ask("GET", "/openid/v1/jwks", as_admin=True))

    assert document["jwks_uri"].endswith("/openid/v1/jwks")
    assert keys["keys"][0]["crv"] == "P-256"
