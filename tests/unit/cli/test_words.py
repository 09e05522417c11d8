"""Which command a line means, and which lines are kubectl's."""

import pytest

from netemu.cli.target import hoist_globals
from netemu.cli.words import command_words, is_of_kubectl, kubectl_arguments


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        pytest.param("get pods", ("get", "pods"), id="plain"),
        pytest.param("get pods -n a --cluster=b", ("get", "pods"), id="with-globals"),
        pytest.param("--version", ("", ""), id="no-command"),
        pytest.param("status", ("status", ""), id="alone"),
    ],
)
def test_the_command_is_found_behind_global_options(typed, found):
    assert command_words(hoist_globals(typed.split())) == found


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(("edit", "pod/a"), True, id="edit"),
        pytest.param(("set", "env"), True, id="part-of-a-group"),
        pytest.param(("set", "image"), False, id="the-other-part"),
        pytest.param(("get", "pods"), False, id="ours"),
        pytest.param(("kubectl", "get"), True, id="kubectl"),
        pytest.param(("kubectl", "--help"), False, id="our-help-of-it"),
    ],
)
def test_kubectl_does_what_it_does_best(words, expected):
    assert is_of_kubectl(*words) is expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        pytest.param("apply -k overlays/test", True, id="kustomize"),
        pytest.param("proxy --port 8001", True, id="a-word-of-its"),
        pytest.param("proxy rules web", False, id="a-word-of-ours-below-its"),
        pytest.param("apply --server-side=true -f a.yaml", True, id="server-side"),
        pytest.param("get pods -o go-template={{.kind}}", True, id="template"),
        pytest.param("get pods -ogo-template-file=x", True, id="template-file"),
        pytest.param("get pods --output=jsonpath-as-json={.items}", True, id="format"),
        pytest.param("get pods -o jsonpath={.items}", False, id="our-format"),
        pytest.param("apply -f a.yaml", False, id="our-option"),
        pytest.param("exec web -- sort -k 2", False, id="of-another-program"),
    ],
)
def test_kubectl_reads_options_that_netemu_has_not(typed, expected):
    words = typed.split()

    assert is_of_kubectl(*words[:2], words) is expected


@pytest.mark.parametrize(
    ("typed", "cluster", "passed"),
    [
        pytest.param("edit pod a -n web", "", "edit pod a -n web", id="a-word-of-its"),
        pytest.param("edit pod a --cluster=two", "two", "edit pod a", id="cluster-behind-it"),
        pytest.param(
            "--name two -n web kubectl get pods --cluster x",
            "two",
            "-n web get pods --cluster x",
            id="all-behind-kubectl-is-its-own",
        ),
        pytest.param("diff -f a --wait=false", "", "diff -f a --wait=false", id="nothing-is-rewritten"),
        pytest.param(
            "set env deploy/web A=b -- --cluster", "", "set env deploy/web A=b -- --cluster", id="dashes"
        ),
    ],
)
def test_kubectl_reads_all_but_the_cluster(typed, cluster, passed):
    assert kubectl_arguments(typed.split()) == (cluster, passed.split())
