import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from netemu.cluster.unlinking import MOST_AT_ONCE, Unlinker, plan_deletion
from netemu.errors import KernelError
from netemu.linux import messages


class Kernel:
    """Notes what is deleted."""

    def __init__(self):
        self.batches = []
        self.refuses = False

    def batch(self, changes):
        self.batches.append([change.what for change in changes])
        if self.refuses:
            self.refuses = False
            raise KernelError("refused", errno=16)


@pytest.fixture
def kernel():
    return Kernel()


@pytest.fixture
def unlinker(kernel):
    with ThreadPoolExecutor(max_workers=1) as thread:
        yield Unlinker(kernel, thread)


def names(count):
    return [f"ve{number:012x}" for number in range(count)]


async def delete_all(unlinker, wanted):
    """The first finds nobody else; all others have come before it is done."""
    return await asyncio.gather(*map(unlinker.delete, wanted), return_exceptions=True)


async def test_links_that_wait_meanwhile_go_together(unlinker, kernel):
    wanted = names(20)
    await delete_all(unlinker, wanted)

    assert kernel.batches == [[m.what for m in plan_deletion(part)] for part in (wanted[:1], wanted[1:])]


async def test_one_batch_has_a_bound_and_nothing_is_lost(unlinker, kernel):
    await delete_all(unlinker, names(1 + 2 * MOST_AT_ONCE + 1))

    assert [len(batch) - 1 for batch in kernel.batches] == [1, MOST_AT_ONCE, MOST_AT_ONCE, 1]


async def test_a_refusal_is_for_one_who_waits_and_the_next_goes_on(unlinker, kernel):
    kernel.refuses = True
    answers = await delete_all(unlinker, names(3))

    assert [type(answer) for answer in answers] == [KernelError, type(None), type(None)]


def test_what_is_gone_already_is_no_error():
    assert all(message.tolerate for message in plan_deletion(["ve0"]))
    assert plan_deletion(["ve0"])[-1].kind == messages.RTM_DELLINK
