"""What every namespace has comes back whatever is done to it, in any order."""

from __future__ import annotations

import base64

from netemu.api.kinds import CONFIG_MAP, ENDPOINTS, NAMESPACE, POD, SECRET, SERVICE, SERVICE_ACCOUNT
from netemu.controllers import endpoints
from netemu.controllers.namespaces import SERVICE_ACCOUNT_RECONCILER
from netemu.controllers.rootca import NAME, publisher
from netemu.controllers.tokensecrets import NAME_ANNOTATION, TYPE, token_filler
from netemu.testing import builders
from netemu.testing.convergence import Story, check_any_order

WEB = {"app": "web"}


async def delete(world, kind, name, namespace="default"):
    if name in await world.names(kind, namespace):
        await world.client.delete(kind, namespace, name)


async def test_namespaces_have_their_account_and_the_ca():
    async def begin(world):
        await world.create(NAMESPACE, builders.namespace("team"))
        await world.settle()

    async def forge(world):
        if NAME in await world.names(CONFIG_MAP, "team"):
            await world.edit(CONFIG_MAP, NAME, {"data": {"ca.crt": "forged", "more": "x"}}, namespace="team")

    async def another(world):
        await world.create(NAMESPACE, {"metadata": {"generateName": "more-"}})

    async def sight(world):
        found = {}
        for namespace in ("default", "team"):
            data = [config_map["data"] for config_map in await world.list(CONFIG_MAP, namespace)]
            found[namespace] = await world.names(SERVICE_ACCOUNT, namespace), data
        return found

    story = Story(
        begin=begin,
        cases={
            "the account goes": lambda world: delete(world, SERVICE_ACCOUNT, "default", "team"),
            "another account goes": lambda world: delete(world, SERVICE_ACCOUNT, "default"),
            "the CA goes": lambda world: delete(world, CONFIG_MAP, NAME, "team"),
            "the CA is forged": forge,
            "another namespace": another,
        },
        wish=begin_nothing,
        sight=sight,
        reconcilers=(SERVICE_ACCOUNT_RECONCILER, publisher("CA")),
    )
    await check_any_order(story)


async def begin_nothing(_world):
    return None


async def test_token_secrets_are_filled_and_go_with_their_account():
    async def account(world):
        if "robot" not in await world.names(SERVICE_ACCOUNT):
            metadata = {"namespace": "default", "name": "robot"}
            await world.create(SERVICE_ACCOUNT, {"metadata": metadata})

    async def secret(world):
        if "token" not in await world.names(SECRET):
            metadata = {"namespace": "default", "name": "token", "annotations": {NAME_ANNOTATION: "robot"}}
            await world.create(SECRET, {"metadata": metadata, "type": TYPE})

    async def begin(world):
        await account(world)
        await secret(world)

    async def empty(world):
        if "token" in await world.names(SECRET):
            await world.edit(SECRET, "token", {"data": {"token": None}})

    async def wish(world):
        await world.settle()
        await account(world)
        await secret(world)

    async def sight(world):
        (found,) = [s for s in await world.list(SECRET) if s["metadata"]["name"] == "token"]
        robot = await world.get(SERVICE_ACCOUNT, "robot")
        token = base64.b64decode(found["data"]["token"]).decode()
        return token == robot["metadata"]["uid"], sorted(found["data"])

    story = Story(
        begin=begin,
        cases={
            "the account goes": lambda world: delete(world, SERVICE_ACCOUNT, "robot"),
            "the account comes": account,
            "the secret goes": lambda world: delete(world, SECRET, "token"),
            "the secret comes": secret,
            "the token is taken out": empty,
        },
        wish=wish,
        sight=sight,
        reconcilers=(token_filler(lambda robot, _secret: robot["metadata"]["uid"], "CA"),),
    )
    await check_any_order(story)


async def test_endpoints_follow_their_pods():
    async def relabel(world, value):
        await world.edit(POD, "web-3", {"metadata": {"labels": {"app": value}}})

    async def be(world, number, *, ready=True):
        ip = f"10.244.1.{number}"
        status = {**builders.running_status(ip, ready=ready), "podIPs": [{"ip": ip}]}
        await world.edit(POD, f"web-{number}", {"status": status}, subresource="status")

    async def begin(world):
        for number in range(5):
            await world.create(POD, builders.pod(f"web-{number}", labels=WEB, node="node-1"))
            await be(world, number)
        await world.create(SERVICE, builders.service(selector=WEB))

    async def wish(world):
        await relabel(world, "web")
        for number in range(5):
            await be(world, number)
        await world.edit(SERVICE, "web", {"spec": {"selector": WEB}, "metadata": {"labels": {"v": "2"}}})

    async def sight(world):
        found = await world.get(ENDPOINTS, "web")
        (subset,) = found["subsets"]
        ready = [address["ip"] for address in subset["addresses"]]
        return ready, "notReadyAddresses" in subset, found["metadata"]["labels"]["v"]

    story = Story(
        begin=begin,
        cases={
            "one is not ready": lambda world: be(world, 1, ready=False),
            "all are selected by another": lambda world: world.edit(
                SERVICE, "web", {"spec": {"selector": {"app": "other"}}}
            ),
            "selected again": lambda world: world.edit(SERVICE, "web", {"spec": {"selector": WEB}}),
            "no selector": lambda world: world.edit(SERVICE, "web", {"spec": {"selector": None}}),
            "the object is deleted": lambda world: delete(world, ENDPOINTS, "web"),
            "one leaves": lambda world: relabel(world, "other"),
            "it comes back": lambda world: relabel(world, "web"),
        },
        wish=wish,
        sight=sight,
        reconcilers=(endpoints.RECONCILER,),
    )
    await check_any_order(story)
