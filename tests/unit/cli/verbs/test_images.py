import pytest

from netemu.cli.verbs.images import human_size, image_document, image_rows, users_of
from netemu.image.config import Config
from netemu.image.index import Image

ID = "sha256:" + "ab" * 32
DIGEST = "sha256:" + "cd" * 32
WEB = Image(
    id=ID,
    config=Config(),
    size_bytes=4_261_550,
    names={"docker.io/library/web:v1": "", "quay.io/me/web:v2": DIGEST},
)


def pod(image, *, phase="Running", image_id="", group="containers"):
    return {
        "metadata": {"namespace": "default", "name": "p"},
        "spec": {"containers": [], group: [{"name": "c", "image": image}]},
        "status": {"phase": phase, "containerStatuses": [{"name": "c", "imageID": image_id}]},
    }


def mounting(image):
    mounts = {"volumes": [{"name": "v", "image": {"reference": image}}, {"name": "w", "emptyDir": {}}]}
    made = pod("other")
    return {**made, "spec": {**made["spec"], **mounts}}


def test_an_image_has_a_row_for_each_name():
    assert image_rows(WEB) == [
        ("docker.io/library/web", "v1", "ababababababa", "4.26MB"),
        ("quay.io/me/web", "v2", "ababababababa", "4.26MB"),
    ]


def test_an_image_that_lost_its_name_still_has_a_row():
    image = Image(id=ID, config=Config(), size_bytes=1, names={})

    assert [row[:2] for row in image_rows(image)] == [("<none>", "<none>")]


def test_programs_get_what_crictl_gives():
    assert image_document(WEB) == {
        "id": ID,
        "repoTags": ["docker.io/library/web:v1", "quay.io/me/web:v2"],
        "repoDigests": [f"quay.io/me/web@{DIGEST}"],
        "size": "4261550",
    }


@pytest.mark.parametrize(
    "user",
    [
        pod("web:v1"),
        pod("quay.io/me/web:v2", phase="Pending"),
        pod("other", image_id=ID),
        pod("other", image_id=f"quay.io/me/web@{DIGEST}"),
        pod("web:v1", group="initContainers"),
        pod("web:v1", group="ephemeralContainers"),
        mounting("web:v1"),
    ],
)
def test_a_pod_that_needs_an_image_is_named(user):
    assert list(users_of(WEB, [user])) == ["default/p"]


@pytest.mark.parametrize(
    "other", [pod("web:v1", phase="Succeeded"), pod("web:v2"), pod("No Name"), {**pod("web"), "status": {}}]
)
def test_a_pod_that_needs_no_image_is_not(other):
    assert list(users_of(WEB, [other])) == []


@pytest.mark.parametrize(
    ("size_bytes", "text"), [(0, "0B"), (999, "999B"), (1000, "1kB"), (4_261_550, "4.26MB"), (10**13, "10TB")]
)
def test_sizes_have_three_digits(size_bytes, text):
    assert human_size(size_bytes) == text
