"""Room for mounts where the machine's directories have none."""

from __future__ import annotations

import pytest

from netemu.runtime import openings
from netemu.runtime.openings import parents


@pytest.mark.parametrize(
    ("target", "made"),
    [
        ("/data", []),
        ("/run/secrets/kubernetes.io/serviceaccount", ["/run", "/run/secrets", "/run/secrets/kubernetes.io"]),
        ("/usr/share/nginx/html", []),
    ],
)
def test_parents_of_a_mount_point_are_made_for_everyone(target, made):
    assert parents(target) == [word for path in made for word in ("--dir", path)]


@pytest.fixture
def usr(tmp_path, monkeypatch):
    """A /usr of the test's own, with share/doc and a link."""
    made = tmp_path / "usr"
    (made / "share" / "doc").mkdir(parents=True)
    (made / "share" / "link").symlink_to("doc")
    monkeypatch.setattr(openings, "USR", f"{made}/")
    return made


def test_a_place_that_the_machine_has_needs_no_room(usr):
    assert openings.openings([f"{usr}/share/doc", "/data"]) == ([], [])


def test_a_directory_that_lacks_a_place_is_covered_and_its_content_put_back(usr):
    share = f"{usr}/share"

    opening, closing = openings.openings([f"{share}/nginx/html", f"{share}/nginx/conf"])

    assert opening == [
        *("--size", str(openings.ROOM_BYTES), "--tmpfs", share),
        *("--ro-bind", f"{share}/doc", f"{share}/doc"),
        *("--symlink", "doc", f"{share}/link"),
    ]
    assert closing == ["--remount-ro", share]
