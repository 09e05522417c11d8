"""Mount points inside volumes, where containers make links."""

from __future__ import annotations

import pytest

from netemu.runtime.mountpoints import find_stray


@pytest.fixture
def volumes(tmp_path):
    """Two volumes: ``a`` has links that containers made, ``b`` one that leads to the machine."""
    for name in ("a/inside/deep", "b"):
        (tmp_path / name).mkdir(parents=True)
    links = {
        "a/machine": "/oldroot/etc",
        "a/up": "../b",
        "a/near": "inside",
        "a/next": "inside",
        "b/machine": "/oldroot/etc",
    }
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    return tmp_path


def stray(volumes, *mounts, cwd=""):
    return find_stray([{"source": str(volumes / source), "target": target} for source, target in mounts], cwd)


@pytest.mark.parametrize(
    "target",
    ["/data/new", "/data/inside/deep", "/data/near/new", "/database", "/data", "/usr/share/new"],
)
def test_places_in_a_volume_and_beside_it_may_be_mounted_on(volumes, target):
    assert not stray(volumes, ("a", "/data"), ("b", target))


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("/data/machine", id="the-link"),
        pytest.param("/data/machine/new", id="below-it"),
        pytest.param("/data/up/new", id="into-another-volume"),
        pytest.param("/data//machine/", id="oddly-written"),
        pytest.param("/data/machine/../new", id="above-what-it-leads-to"),
        pytest.param("/else/../data/machine/new", id="by-a-detour"),
    ],
)
def test_a_link_that_leads_out_of_its_volume_is_nothing_to_mount_on(volumes, target):
    why = f'error mounting to rootfs at "{target}": it leads out of the volume that it is in'
    assert stray(volumes, ("a", "/data"), ("b", target)) == why


def test_a_link_that_leads_into_the_next_volume_is_followed_there(volumes):
    assert "/data/next/machine/new" in stray(
        volumes, ("a", "/data"), ("b", "/data/inside"), ("a", "/data/next/machine/new")
    )


def test_a_working_directory_is_made_in_no_other_place_either(volumes):
    assert "chdir" in stray(volumes, ("a", "/data"), cwd="/data/machine/new")
    assert not stray(volumes, ("a", "/data"), cwd="/data/inside/new")
