"""Lists in pages end as etcd's history does; watches go on."""

from __future__ import annotations

import pytest

from netemu.api.errors import ExpiredError
from netemu.api.kinds import CONFIG_MAP
from netemu.apiserver.paging import PageRequest, parse_token
from netemu.apiserver.pastlists import PastLists
from netemu.apiserver.selection import EVERYTHING


async def test_a_list_goes_on_for_one_interval_and_inconsistently_after_two(registry):
    for name in "abc":
        await registry.create(CONFIG_MAP, {"metadata": {"name": name}}, namespace="default")
    first = registry.page(CONFIG_MAP, "default", EVERYTHING, PageRequest(limit=1))
    start = parse_token(first.continue_token)
    rest = PageRequest(limit=2, start=start, revision=start.revision)
    past = PastLists(registry)
    await registry.delete(CONFIG_MAP, "default", "b")

    past.forget()
    still = registry.page(CONFIG_MAP, "default", EVERYTHING, rest)
    past.forget()
    with pytest.raises(ExpiredError) as caught:
        registry.page(CONFIG_MAP, "default", EVERYTHING, rest)
    after = PageRequest(limit=2, start=parse_token(caught.value.continue_token))

    assert [obj["metadata"]["name"] for obj in still.items] == ["b", "c"]
    page = registry.page(CONFIG_MAP, "default", EVERYTHING, after)
    assert [obj["metadata"]["name"] for obj in page.items] == ["c"]
    assert registry.watch(CONFIG_MAP, "default", revision=start.revision).take_now()
