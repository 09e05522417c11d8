"""Who asks for a certificate."""

from netemu.apiserver.auth.user import User
from netemu.apiserver.signingrequests import requested_by


def test_a_request_names_who_sent_it_and_nobody_else():
    made = requested_by(
        User(name="jane", groups=("editors",)), {"spec": {"username": "root", "uid": "0", "request": "eA=="}}
    )

    assert made["spec"] == {"request": "eA==", "username": "jane", "groups": ["editors"]}


def test_what_is_no_spec_stays_as_it_is():
    assert requested_by(User(name="jane"), {"spec": []}) == {"spec": []}
