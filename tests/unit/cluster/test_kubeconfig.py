"""The user's kubeconfig: one cluster more, one less, and nothing else touched."""

from __future__ import annotations

import json
import string

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from netemu.cluster.kubeconfig import (
    Entry,
    KubeconfigError,
    context_name,
    current_context,
    is_empty,
    merged,
    parse,
    removed,
    render,
)

ENTRY = Entry("netemu", "https://127.0.0.1:6443", b"ca", b"crt", b"key")
OTHER = Entry("netemu-b", "https://127.0.0.1:6444", b"ca", b"crt", b"key")

KUBECTLS = """\
# my clusters
apiVersion: v1
clusters:
# the big one
- cluster:
    server: https://big:6443   # do not touch
  name: big
- cluster:
    server: "https://small"
  name: 'small'

contexts:
- context: {cluster: big, user: me}
  name: big
current-context: big
kind: Config
preferences: {}
users:
- name: me
  user:
    exec:
      args:
      - get-token
      command: aws
"""

INDENTED = """\
kind: Config
apiVersion: v1
users:
  - name: me
    user:
      token: "abc"
clusters:
  - name: big
    cluster:
      server: https://big
contexts:
  - name: big
    context:
      cluster: big
      user: me
current-context: "big"
"""


def test_a_context_is_named_after_its_cluster():
    assert [context_name(name) for name in ("netemu", "b")] == ["netemu", "netemu-b"]


def test_a_kubeconfig_of_one_cluster_is_complete():
    config = parse(render(ENTRY))

    assert (config["apiVersion"], config["kind"], config["current-context"]) == ("v1", "Config", "netemu")
    assert config["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:6443"
    assert config["users"][0]["user"]["client-certificate-data"] == "Y3J0"


@pytest.mark.parametrize("text", [KUBECTLS, INDENTED], ids=["kubectl", "indented"])
def test_every_line_of_the_users_stays(text):
    lines = iter(merged(text, ENTRY).splitlines())

    users_own = [line for line in text.splitlines() if not line.startswith("current-context")]
    assert all(line in lines for line in users_own), "each, in their order"


@pytest.mark.parametrize("text", [KUBECTLS, INDENTED], ids=["kubectl", "indented"])
def test_taking_out_undoes_putting_in(text):
    again = removed(merged(text, ENTRY), "netemu", "big")

    assert again.replace('"big"', "big") == text.replace('"big"', "big")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("apiVersion: v1\nkind: Config\nclusters: []\nusers: null\ncontexts:\n", id="no-entries"),
        pytest.param("{apiVersion: v1, kind: Config, clusters: [{name: a, cluster: {}}]}\n", id="flow"),
        pytest.param("clusters: [{name: a, cluster: {}}]\nusers:\n- {name: a, user: {}}", id="mixed"),
        pytest.param('"clusters":\n- "name": "a"\n  "cluster": {}\n', id="quoted"),
        pytest.param("clusters:\n-\n  name: a\n  cluster: {}\n-   name: b\n    cluster: {}\n", id="dashes"),
        pytest.param("---\nclusters:\n- name: a\n  cluster:\n    server: |\n      - x\n", id="block-scalar"),
    ],
)
def test_any_layout_ends_with_the_right_values(text):
    before, after = parse(text), parse(merged(text, ENTRY))

    assert after["current-context"] == "netemu"
    names = [cluster["name"] for cluster in before.get("clusters") or []]
    assert [cluster["name"] for cluster in after["clusters"]] == [*names, "netemu"]
    left = parse(removed(merged(text, ENTRY), "netemu", ""))
    assert (left.get("clusters") or []) == (before.get("clusters") or [])


def test_json_stays_json():
    text = json.dumps({"clusters": [], "contexts": [], "users": []})

    assert json.loads(merged(text, ENTRY))["current-context"] == "netemu"


def test_putting_in_twice_changes_nothing():
    once = merged(KUBECTLS, ENTRY)

    assert merged(once, ENTRY) == once


def test_a_new_port_replaces_the_old_entry():
    moved = merged(merged(KUBECTLS, ENTRY), ENTRY._replace(server="https://127.0.0.1:7000"))

    servers = [c["cluster"]["server"] for c in parse(moved)["clusters"]]
    assert servers == ["https://big:6443", "https://small", "https://127.0.0.1:7000"]


def test_a_context_that_the_user_chose_since_is_kept():
    chosen = merged(KUBECTLS, ENTRY).replace("current-context: netemu", "current-context: big")

    assert current_context(removed(chosen, "netemu", "small")) == "big"


def test_a_previous_context_that_is_gone_is_not_restored():
    assert current_context(removed(merged(KUBECTLS, ENTRY), "netemu", "gone")) == ""


def test_two_clusters_come_and_go_in_any_order():
    both = merged(merged("", ENTRY), OTHER)

    assert is_empty(removed(removed(both, "netemu", ""), "netemu-b", "netemu"))


@pytest.mark.parametrize("text", ["a: [", "- list", "clusters: 7", "clusters: [7]", "text", "a: b: c"])
def test_what_is_no_kubeconfig_is_refused(text):
    with pytest.raises(KubeconfigError):
        merged(text, ENTRY)


WORDS = st.text(string.ascii_letters + string.digits + " -:#'\"{}[]|>\n", max_size=12)
VALUES = st.recursive(
    WORDS | st.none() | st.booleans() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
ITEMS = st.lists(
    st.builds(lambda name, value: {"name": "x" + name, "cluster": value}, WORDS, VALUES), max_size=3
)


@given(ITEMS, ITEMS, VALUES, st.sampled_from([None, False, True]), st.booleans())
def test_what_is_written_reads_as_what_was_meant(clusters, users, other, flow, sort):
    text = yaml.safe_dump(
        {"users": users, "zzz": other, "clusters": clusters}, default_flow_style=flow, sort_keys=sort
    )

    after = parse(merged(text, ENTRY))

    assert after["zzz"] == other
    assert after["clusters"][:-1] == clusters
    assert after["users"][:-1] == users
