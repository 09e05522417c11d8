import pytest

from netemu.agent.restarts import Life, pull_backs_off, refused, retried

NOW_S = 1000.0


def refused_times(reason, times):
    life = Life()
    for _ in range(times):
        life = refused(life, reason, "why", NOW_S)
    return life.retry_at_s - NOW_S


@pytest.mark.parametrize(
    ("reason", "delays_s"),
    [
        ("ErrImagePull", [10, 20, 40, 80, 160, 300, 300]),
        ("ContainerCreating", [1, 2, 4, 8, 16, 32, 64, 122]),
        ("CreateContainerConfigError", [10, 10, 10]),
    ],
)
def test_what_cannot_be_started_is_tried_again_ever_later(reason, delays_s):
    assert [refused_times(reason, times) for times in range(1, len(delays_s) + 1)] == delays_s


def test_a_failed_pull_is_called_a_back_off_after_a_while():
    failed = refused(Life(), "ErrImagePull", "not found", NOW_S)

    assert pull_backs_off(failed, "x:1", NOW_S + 1) is failed
    assert pull_backs_off(failed, "x:1", NOW_S + 4).waiting == (
        "ImagePullBackOff",
        'Back-off pulling image "x:1": ErrImagePull: not found',
    )


def test_who_waits_for_a_volume_need_not_wait_once_it_is_there():
    assert retried(refused(Life(), "ContainerCreating", "", NOW_S)).retry_at_s == 0.0
    assert retried(refused(Life(), "ErrImagePull", "", NOW_S)).retry_at_s == NOW_S + 10
