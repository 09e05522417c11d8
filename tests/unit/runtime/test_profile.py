"""What a node's own profile refuses, decided by a small machine for the kernel's filters."""

from __future__ import annotations

import ctypes
import json

import pytest

from netemu.runtime.profile import ProfileError, compile_profile
from netemu.testing.filters import run_filter

ALLOW, EPERM, ENOSYS, LOG = 0x7FFF0000, 0x00050001, 0x00050026, 0x7FFC0000
ALLOWED = {"names": ["read", "write", "no_such_call"], "action": "SCMP_ACT_ALLOW"}


def number_of(name):
    return ctypes.CDLL("libseccomp.so.2").seccomp_syscall_resolve_name(name.encode())


def decide(profile, name, *arguments):
    """Run a filter on a call; give what it returns."""
    arch = ctypes.CDLL("libseccomp.so.2").seccomp_arch_native() & 0xFFFFFFFF
    return run_filter(compile_profile(json.dumps(profile)), number_of(name), arch, arguments)


def strict(*rules, **fields):
    return {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [ALLOWED, *rules], **fields}


@pytest.mark.parametrize(
    ("profile", "name", "outcome"),
    [
        pytest.param(strict(), "read", ALLOW, id="what-is-allowed"),
        pytest.param(
            strict({"names": ["clone3"], "action": "SCMP_ACT_ALLOW"}), "mount", EPERM, id="the-rest"
        ),
        pytest.param(strict(), "clone3", ENOSYS, id="younger-than-the-profile"),
        pytest.param(
            strict({"names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13}),
            "mount",
            0x0005000D,
            id="with-an-error-of-its-own",
        ),
        pytest.param({"defaultAction": "SCMP_ACT_LOG"}, "mount", LOG, id="only-told-of"),
        pytest.param({"defaultAction": "SCMP_ACT_LOG"}, "clone3", LOG, id="a-young-one-only-told-of"),
    ],
)
def test_a_profile_says_what_becomes_of_a_call(profile, name, outcome):
    assert decide(profile, name) == outcome


def conditions(*arguments):
    rule = {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "args": list(arguments)}
    return strict(rule, {"names": ["clone3"], "action": "SCMP_ACT_ALLOW"})


def equal(index, value):
    return {"index": index, "value": value, "op": "SCMP_CMP_EQ"}


@pytest.mark.parametrize(
    ("profile", "arguments", "outcome"),
    [
        pytest.param(conditions(equal(0, 8)), (8,), ALLOW, id="equal"),
        pytest.param(conditions(equal(0, 8)), (9,), EPERM, id="not-equal"),
        pytest.param(conditions(equal(0, 8), equal(1, 1)), (8, 2), EPERM, id="one-of-two-arguments"),
        pytest.param(conditions(equal(0, 8), equal(0, 9)), (9,), ALLOW, id="either-of-two-values"),
        pytest.param(
            conditions({"index": 0, "value": 6, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}),
            (3,),
            ALLOW,
            id="bits",
        ),
    ],
)
def test_a_call_is_judged_by_its_arguments(profile, arguments, outcome):
    assert decide(profile, "mount", *arguments) == outcome


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ({"defaultAction": "SCMP_ACT_NOTIFY"}, "string SCMP_ACT_NOTIFY is not a valid action for seccomp"),
        ({}, "string  is not a valid action for seccomp"),
        (
            conditions({"index": 0, "value": 1, "op": "SAME"}),
            "string SAME is not a valid operator for seccomp",
        ),
    ],
)
def test_what_a_filter_cannot_do_is_told(profile, words):
    with pytest.raises(ProfileError, match=words):
        compile_profile(json.dumps(profile))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[]", id="a-list"),
        pytest.param("{oops", id="no-json"),
        pytest.param("[" * 100_000, id="too-deep"),
        pytest.param(json.dumps(strict(7)), id="a-rule-that-is-none"),
        pytest.param(json.dumps(strict({"names": [7], "action": "SCMP_ACT_LOG"})), id="a-name-that-is-none"),
        pytest.param(json.dumps(conditions({"op": "SCMP_CMP_EQ"})), id="of-no-argument"),
        pytest.param(json.dumps(conditions(equal("first", 1))), id="of-a-word"),
    ],
)
def test_what_is_no_profile_is_told_as_well(text):
    with pytest.raises(ProfileError):
        compile_profile(text)
