import pytest

from netemu.agent.verdicts import Course, Reply, first_course, judge
from netemu.api.views.core import Probe

PROBE = Probe(period_seconds=10, success_threshold=2, failure_threshold=3)
SUCCESS, FAILURE = Reply("success"), Reply("failure", "no")


def course_after(kind, replies, *, holds=False, eager=False):
    course = first_course(kind, PROBE, holds=holds)
    if not eager:
        course = Course(holds=holds, pause_s=10.0)
    for reply in replies:
        course = judge(kind, PROBE, course, reply).course
    return course


@pytest.mark.parametrize(
    ("replies", "before", "holds"),
    [
        pytest.param([SUCCESS], False, False, id="one-success-of-two-is-not-enough"),
        pytest.param([SUCCESS, SUCCESS], False, True, id="two-are"),
        pytest.param([SUCCESS, FAILURE, SUCCESS], False, False, id="in-a-row"),
        pytest.param([FAILURE, FAILURE], True, True, id="two-failures-of-three-are-borne"),
        pytest.param([FAILURE, FAILURE, FAILURE], True, False, id="three-are-not"),
        pytest.param([FAILURE, FAILURE, SUCCESS, FAILURE], True, True, id="in-a-row-too"),
    ],
)
def test_readiness_changes_after_its_thresholds(replies, before, holds):
    assert course_after("readiness", replies, holds=before).holds is holds


@pytest.mark.parametrize("kind", ["liveness", "startup"])
def test_a_container_that_failed_for_good_is_not_asked_again(kind):
    course = course_after(kind, [FAILURE] * 3, holds=kind == "liveness")

    assert (course.has_failed, course.is_over) == (True, True)


def test_a_startup_probe_is_over_with_its_success():
    course = course_after("startup", [SUCCESS, SUCCESS])

    assert (course.holds, course.is_over, course.has_failed) == (True, True, False)


def test_a_container_that_is_only_starting_is_asked_soon_and_not_blamed():
    first = first_course("readiness", PROBE, holds=False)
    judged = judge("readiness", PROBE, first, FAILURE)

    assert first.pause_s < 0.1
    assert judged.event is None
    assert judged.course.failures == 0
    assert judged.course.pause_s == 2 * first.pause_s


def test_a_failure_is_told_in_the_kubelet_s_words():
    judged = judge("liveness", PROBE, Course(holds=True, pause_s=10.0), Reply("failure", "statuscode: 503"))

    assert judged.event == ("Unhealthy", "Liveness probe failed: statuscode: 503")


def test_a_warning_is_a_success_that_is_told():
    judged = judge("readiness", PROBE, Course(holds=True, pause_s=10.0), Reply("warning", "redirects"))

    assert judged.course.successes == 1
    assert judged.event == ("ProbeWarning", "Readiness probe warning: redirects")


def test_a_question_that_could_not_be_asked_counts_for_nothing():
    judged = judge("readiness", PROBE, Course(holds=True, pause_s=10.0, failures=2), Reply("error", "away"))

    assert (judged.course.holds, judged.course.failures) == (True, 2)
    assert judged.event == ("Unhealthy", "Readiness probe errored and resulted in unknown state: away")
