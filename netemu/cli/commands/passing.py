"""``netemu kubectl``: the kubectl of this machine, with the cluster's own kubeconfig."""

from __future__ import annotations

from typing import Annotated

import typer


def kubectl(
    context: typer.Context,
    *,
    words: Annotated[list[str], typer.Argument(metavar="[--] ARGUMENT...")],
) -> None:
    """Run kubectl on this cluster, whatever context is current: `kubectl diff -f web.yaml`."""
    from netemu.cli.verbs.passing import run_kubectl

    run_kubectl(context.obj.cluster, words)
