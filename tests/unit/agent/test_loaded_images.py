"""What an agent makes of pods whose images were loaded."""

import asyncio

import msgspec
import pytest

from netemu.api.kinds import NAMESPACE, POD
from netemu.image.config import Config, Process
from netemu.image.index import Image, Index
from netemu.testing import builders
from netemu.testing.agent_world import World
from netemu.testing.eventually import eventually

NAMES = ("docker.io/library/nginx:latest", "docker.io/coredns/coredns:latest")
ID = "sha256:" + "ab" * 32


@pytest.fixture
def world(tmp_path):
    """Give a world in whose cluster an image named nginx, as a stand-in is, was loaded."""
    process = Process(entrypoint=("/nginx",), cmd=("-g",), user="web")
    image = Image(id=ID, config=Config(config=process), size_bytes=1, names=dict.fromkeys(NAMES, ""))
    made = World(tmp_path)
    images = made.paths.images
    images.mkdir(parents=True)
    (images / "index.json").write_bytes(msgspec.json.encode(Index({ID: image})))
    return made


async def test_a_loaded_image_goes_before_a_stand_in(world):
    async with world.running():
        await world.create(image="nginx")
        await world.until_ready()
        status = await world.container()

    (spec,) = world.shim.specs.values()
    assert spec.argv == ("/nginx", "-g")
    assert spec.image.user == "web"
    assert spec.image.root.endswith(f"/images/roots/{'ab' * 32}")
    assert not world.standins.apps
    assert (status["image"], status["imageID"]) == ("docker.io/library/nginx:latest", ID)


@pytest.mark.parametrize("policy", ["Always", "Never", "IfNotPresent"])
async def test_a_loaded_image_is_present_for_every_policy(world, policy):
    async with world.running():
        await world.create(image="docker.io/library/nginx", container={"imagePullPolicy": policy})
        await world.until_ready()

    assert "Pulled" in world.recorder.reasons()


@pytest.mark.parametrize(("namespace", "is_image"), [("kube-system", False), ("default", True)])
async def test_the_cluster_s_own_dns_is_not_taken_over(world, namespace, is_image):
    pod = builders.pod("dns", node="node-1", namespace=namespace)
    pod["spec"]["containers"][0]["image"] = "coredns/coredns"
    async with world.running():
        await world.client.create(NAMESPACE, builders.namespace(namespace))
        await world.client.create(POD, pod)
        await eventually(lambda: asyncio.sleep(0, world.shim.specs))

    (spec,) = world.shim.specs.values()
    assert (spec.image is not None) is is_image


async def test_another_tag_is_another_image(world):
    async with world.running():
        await world.create(image="nginx:1.27")
        await world.until_ready()

    assert world.standins.apps


async def test_an_image_that_must_not_be_pulled_is_missing(world):
    async with world.running():
        await world.create(image="example.com/none:1", container={"imagePullPolicy": "Never"})
        status = await eventually(world.container, lambda s: "waiting" in s.get("state", {}))

    assert status["state"]["waiting"]["reason"] == "ErrImageNeverPull"
    assert ("Warning", "ErrImageNeverPull") in {event[:2] for event in world.recorder.events}


async def test_an_unknown_image_says_how_to_load_it(world):
    async with world.running():
        await world.create(image="example.com/none:1")
        await eventually(lambda: asyncio.sleep(0, "Failed" in world.recorder.reasons()))

    assert any("netemu image load" in event[2] for event in world.recorder.events)


@pytest.mark.parametrize(
    ("policy", "reason"), [("IfNotPresent", "ErrImagePull"), ("Never", "ErrImageNeverPull")]
)
async def test_an_image_that_is_mounted_must_be_loaded_as_one_that_runs(world, policy, reason):
    volume = {"name": "v", "image": {"reference": "example.com/data:1", "pullPolicy": policy}}
    mount = {"name": "v", "mountPath": "/data"}
    async with world.running():
        await world.create(image="nginx", container={"volumeMounts": [mount]}, volumes=[volume])
        status = await eventually(world.container, lambda s: "waiting" in s.get("state", {}))

    assert status["state"]["waiting"]["reason"] == reason
    assert "example.com/data:1" in status["state"]["waiting"]["message"]
