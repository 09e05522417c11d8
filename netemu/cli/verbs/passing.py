"""[IO] Become kubectl, with a kubeconfig that has one cluster alone and is never a file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from typing import NoReturn

from netemu.errors import NetemuError, PermissionDeniedError


class NoKubectlError(NetemuError):
    """There is no kubectl on the machine."""

    code = "CLI_NO_KUBECTL"


def run_kubectl(cluster: str, words: Sequence[str]) -> NoReturn:
    """Replace this process by kubectl.

    Raises:
        NoKubectlError: there is none.
        PermissionDeniedError: the cluster's keys are another user's.

    """
    program = shutil.which("kubectl")
    if program is None:
        raise NoKubectlError(
            f"netemu leaves `{' '.join(words[:2])}` to kubectl, and there is none on the PATH",
            hint="https://kubernetes.io/docs/tasks/tools/ says how to get it.",
        )
    config = os.memfd_create("kubeconfig", 0)  # stays open in kubectl, and goes with it
    with os.fdopen(config, "w", closefd=False) as file:
        file.write(_kubeconfig(cluster))
    environ = {**os.environ, "KUBECONFIG": f"/proc/self/fd/{config}"}
    os.execve(program, [program, *words], environ)


def _kubeconfig(cluster: str) -> str:
    from netemu.cluster.kubeconfig_file import print_kubeconfig
    from netemu.cluster.places import paths_for

    try:
        return print_kubeconfig(cluster, paths_for(cluster))
    except PermissionError as err:
        raise PermissionDeniedError(
            f"the keys of cluster {cluster!r} belong to another user", hint="sudo netemu kubectl …"
        ) from err
