"""The numbers of a rolling update."""

from __future__ import annotations

import pytest

from netemu.api.views.apps import RollingUpdate
from netemu.controllers.rollouts import Bounds, Size, bounds, new_size, old_sizes, resolve


@pytest.mark.parametrize(
    ("value", "total", "up", "expected"),
    [
        pytest.param(3, 10, True, 3, id="number"),
        pytest.param("25%", 10, True, 3, id="percent-up"),
        pytest.param("25%", 10, False, 2, id="percent-down"),
        pytest.param("100%", 4, False, 4, id="all"),
        pytest.param(None, 4, True, 1, id="default"),
    ],
)
def test_bounds_are_numbers_or_percentages(value, total, up, expected):
    assert resolve(value, total, default="25%", up=up) == expected


def test_no_surge_and_nothing_unavailable_would_never_move_so_one_may_be_unavailable():
    assert bounds(3, RollingUpdate(max_surge=0, max_unavailable=0)) == Bounds(3, 3, 2)


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        pytest.param(0, [], 4, id="first-rollout"),
        pytest.param(0, [4], 1, id="room-for-the-surge"),
        pytest.param(1, [4], 1, id="no-room"),
        pytest.param(1, [2, 1], 2, id="several-old"),
        pytest.param(6, [], 4, id="scaled-down"),
    ],
)
def test_the_new_replica_set_takes_the_room_there_is(new, old, expected):
    limit = Bounds(replicas=4, most=5, least_available=4)
    sizes = [Size(f"old-{n}", n, n, n) for n in old]

    assert new_size(Size("new", new, 0, new), sizes, limit) == expected


def test_pods_that_are_still_there_take_room_though_fewer_are_asked_for():
    limit = Bounds(replicas=4, most=5, least_available=4)

    assert new_size(Size("new", 1, 1, 1), [Size("old", 3, 3, 4)], limit) == 1


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        pytest.param((1, 0), [(4, 4)], [4], id="new-not-available"),
        pytest.param((1, 1), [(4, 4)], [3], id="one-for-one"),
        pytest.param((4, 4), [(1, 1)], [0], id="last"),
        pytest.param((1, 0), [(4, 2)], [4], id="unhealthy-but-nothing-to-spare"),
        pytest.param((2, 2), [(2, 0), (2, 2)], [0, 2], id="unhealthy-first"),
    ],
)
def test_old_replica_sets_give_only_what_availability_allows(new, old, expected):
    limit = Bounds(replicas=4, most=5, least_available=4)
    sizes = [Size(f"old-{n}", *size, size[0]) for n, size in enumerate(old)]

    assert [size.replicas for size in old_sizes(Size("new", *new, new[0]), sizes, limit)] == expected
