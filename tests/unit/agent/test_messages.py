import pytest
from msgspec.structs import replace

from netemu.agent.messages import last_words, message_file, mounts
from netemu.api.views.core import Container
from netemu.runtime.container import ContainerState

FAILED = ContainerState(id="u_web_0", running=False, exit_code=1)
LOG = (
    "2024-01-01T00:00:00.000000000Z stdout F first\n"
    "2024-01-01T00:00:00.000000000Z stderr P half\n"
    "2024-01-01T00:00:00.000000000Z stderr F  a line\n"
)


def container(policy="File"):
    return Container(
        name="web", termination_message_path="/dev/termination-log", termination_message_policy=policy
    )


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "0.log"
    path.write_text(LOG)
    return path


def test_a_container_gets_a_file_that_any_user_may_write(tmp_path):
    (mount,) = mounts(tmp_path, FAILED.id, "/dev/termination-log")

    assert (mount.target, mount.read_only) == ("/dev/termination-log", False)
    assert message_file(tmp_path, FAILED.id).stat().st_mode & 0o777 == 0o666


def test_where_nothing_can_be_written_there_is_no_file(tmp_path):
    assert mounts(tmp_path, FAILED.id, "/usr/share/message") == ()


def test_what_the_file_has_is_the_message(tmp_path, log):
    mounts(tmp_path, FAILED.id, "/dev/termination-log")
    file = message_file(tmp_path, FAILED.id)
    file.write_text("x" * 5000)

    assert last_words(container("FallbackToLogsOnError"), FAILED, file, log) == "x" * 4096


@pytest.mark.parametrize(
    ("policy", "code", "said"),
    [
        ("FallbackToLogsOnError", 1, "first\nhalf a line\n"),
        ("FallbackToLogsOnError", 0, ""),
        ("File", 1, ""),
    ],
)
def test_the_log_s_end_stands_in_for_it_after_errors(tmp_path, log, policy, code, said):
    state = replace(FAILED, exit_code=code)

    assert last_words(container(policy), state, tmp_path / "none", log) == said
