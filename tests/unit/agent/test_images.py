import signal
from pathlib import Path

import pytest

from netemu.agent.environment import ConfigError
from netemu.agent.images import image_argv, node_images, parse_signal, with_image
from netemu.agent.ports import Sandbox
from netemu.agent.specs import Attempt, find_container
from netemu.api.views import view
from netemu.api.views.core import Pod
from netemu.image.config import Config, Process
from netemu.image.index import Image
from netemu.runtime.container import ContainerSpec

ID = "sha256:" + "ab" * 32
DIGEST = "sha256:" + "cd" * 32
SANDBOX = Sandbox(uid="u1", namespace="default", name="web", netns="ne-t-1", addresses=("10.244.1.3",))


def image(**process):
    return Image(
        id=ID,
        config=Config(config=Process(**process)),
        size_bytes=1,
        names={"docker.io/library/web:v1": DIGEST, "docker.io/library/web:latest": DIGEST},
    )


def attempt(container=None, **spec):
    obj = {
        "metadata": {"name": "web", "namespace": "default", "uid": "u1"},
        "spec": {"containers": [{"name": "app", "image": "web:v1", **(container or {})}], **spec},
    }
    pod = view(Pod, obj)
    view_, raw = find_container(pod, obj, "app")
    variables = {"PORT": "80", "HOSTNAME": "web"}
    made = Attempt(pod=pod, container=view_, raw=raw, id="u1_app_0", sandbox=SANDBOX, variables=variables)
    return made, obj


def spec_of(image, container=None, **spec):
    made, obj = attempt(container, **spec)
    bare = ContainerSpec(id=made.id, netns="n", argv=("x",), log_path="/l", env=dict(made.variables))
    return with_image(bare, image, made, obj, root=Path("/images/r"), scratch=Path("/pods/s"))


def test_only_the_pod_s_own_words_have_variables_in_them():
    made, _ = attempt({"args": ["$(PORT)", "$$"]})

    assert image_argv(image(entrypoint=("sh", "$(PORT)", "$$")), made) == ("sh", "$(PORT)", "$$", "80", "$")


def test_the_pod_s_variables_go_before_the_image_s():
    found = spec_of(image(env=("PORT=1", "PATH=/mine")))

    assert found.env == {"PORT": "80", "PATH": "/mine", "HOSTNAME": "web"}


@pytest.mark.parametrize(
    ("container", "of_image", "cwd"),
    [({"workingDir": "/pod"}, "/image", "/pod"), ({}, "/image", "/image"), ({}, "", "/")],
)
def test_the_working_directory(container, of_image, cwd):
    assert spec_of(image(working_dir=of_image), container).cwd == cwd


@pytest.mark.parametrize(
    ("own", "of_pod", "user"),
    [
        ({}, {}, "web:extra"),
        ({"runAsUser": 7}, {}, "7"),
        ({"runAsUser": 7}, {"runAsGroup": 8}, "7:8"),
        ({}, {"runAsUser": 9}, "9"),
        ({"runAsUser": 0}, {"runAsUser": 9}, "0"),
        ({"runAsGroup": 8}, {}, "web:8"),
    ],
)
def test_the_user_is_the_pod_s_or_else_the_image_s(own, of_pod, user):
    found = spec_of(image(user="web:extra"), {"securityContext": own}, securityContext=of_pod)

    assert found.image.user == user


@pytest.mark.parametrize(
    ("user", "context", "words"),
    [
        ("", {}, "image will run as root"),
        ("0:5", {}, "image will run as root"),
        ("web", {}, r"image has non-numeric user \(web\), cannot verify user is non-root"),
        ("1000", {"runAsUser": 0}, "runAsUser breaks non-root policy"),
    ],
)
def test_a_container_that_must_not_be_root_and_might_be_is_refused(user, context, words):
    with pytest.raises(ConfigError, match=words):
        spec_of(image(user=user), {"securityContext": {"runAsNonRoot": True, **context}})


@pytest.mark.parametrize(
    ("user", "context"), [("1000", {}), ("web", {"runAsUser": 5}), ("", {"runAsUser": 5})]
)
def test_a_container_that_is_not_root_may_run(user, context):
    assert spec_of(image(user=user), {"securityContext": {"runAsNonRoot": True, **context}}).image is not None


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("web:v1", "docker.io/library/web:v1"),
        ("web", "docker.io/library/web:latest"),
        (f"web@{DIGEST}", "docker.io/library/web:latest"),
        (ID, "docker.io/library/web:latest"),
    ],
)
def test_a_status_says_the_whole_name_and_the_digest(asked, name):
    found = spec_of(image(), {"image": asked}).image

    assert (found.name, found.id) == (name, f"docker.io/library/web@{DIGEST}")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("SIGQUIT", signal.SIGQUIT),
        ("quit", signal.SIGQUIT),
        ("9", 9),
        ("SIGRTMIN+3", signal.SIGRTMIN + 3),
        ("", 0),
        ("SIGNONE", 0),
    ],
)
def test_stop_signals(text, number):
    assert parse_signal(text) == number


def test_a_node_reports_its_largest_images_with_all_their_names():
    many = [
        Image(id=f"sha256:{number:064}", config=Config(), size_bytes=number, names={}) for number in range(60)
    ]

    reported = node_images([image(), *many])

    assert len(reported) == 50
    assert reported[0]["sizeBytes"] == 59
    assert node_images([image()]) == [
        {
            "names": [
                f"docker.io/library/web@{DIGEST}",
                "docker.io/library/web:latest",
                "docker.io/library/web:v1",
            ],
            "sizeBytes": 1,
        }
    ]
