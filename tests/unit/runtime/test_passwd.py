import pytest

from netemu.runtime.passwd import UnknownUserError, find_user, home_of

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
web:x:1000:1001::/home/web:/bin/sh
broken
odd:x:many:few::/:/bin/sh
"""
GROUP = "root:x:0:\nweb:x:1001:web\nextra:x:1002:other,web\nbroken\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", (0, 0, [])),
        ("web", (1000, 1001, [1002])),
        ("1000", (1000, 1001, [1002])),
        ("web:extra", (1000, 1002, [])),
        ("web:7", (1000, 7, [])),
        ("4711", (4711, 0, [])),
        ("4711:4712", (4711, 4712, [])),
        (":extra", (0, 1002, [])),
    ],
)
def test_an_image_s_user_is_looked_up_in_its_own_files(text, found):
    user = find_user(text, PASSWD, GROUP)

    assert (user["uid"], user["gid"], user["groups"]) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nobody", "unable to find user nobody"),
        ("odd", "user odd"),
        ("web:none", "unable to find group none"),
    ],
)
def test_a_name_that_is_not_there_is_told(text, words):
    with pytest.raises(UnknownUserError, match=words):
        find_user(text, PASSWD, GROUP)


def test_an_image_may_have_no_files_of_users():
    assert find_user("", "", "") == {"uid": 0, "gid": 0, "groups": []}


@pytest.mark.parametrize(("uid", "home"), [(0, "/root"), (1000, "/home/web"), (5, "/")])
def test_homes(uid, home):
    assert home_of(uid, PASSWD) == home
