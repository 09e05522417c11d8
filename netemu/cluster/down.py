"""[IO] ``netemu down``: remove exactly what the record says that this cluster made."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable

from netemu.cluster.kubeconfig import KubeconfigError
from netemu.cluster.kubeconfig_file import take_out
from netemu.cluster.locking import locked, remove_if_empty
from netemu.cluster.names import release_names
from netemu.cluster.processes import DAEMON, end_processes
from netemu.cluster.record import Record
from netemu.errors import PermissionDeniedError
from netemu.linux import messages, netns
from netemu.linux.netlink import Netlink
from netemu.runtime.cgroups import remove_tree
from netemu.settings import Paths


def down(name: str, paths: Paths, *, progress: Callable[[str], None]) -> None:
    """Remove a cluster: its processes, namespaces, links and files. Idempotent.

    Works from the record alone, so it does not matter which half of the cluster is gone already.

    Raises:
        PermissionDeniedError: the caller is not root.

    """
    if os.geteuid() != 0:
        raise PermissionDeniedError("netemu needs root to remove a cluster", hint="sudo netemu down")
    if not paths.state.exists() and not paths.run.exists():
        progress(f"there is no cluster named {name!r}")
        return
    with locked(paths):
        record = Record(paths.run)
        progress(f"removing cluster {name!r}")
        # The daemon first, or it would start the others again; nothing it holds is kept.
        end_processes(record, [DAEMON])
        end_processes(record, [name for name, _facts in record.entries("process")])
        _delete_links(record)
        for netns_name, _facts in record.entries("netns"):
            netns.delete(netns_name, paths.netns)
            record.remove("netns", netns_name)
        release_names(paths)
        try:
            take_out(paths)
        except KubeconfigError as err:
            progress(f"the kubeconfig stays as it is: {err}")
        delete_cgroups(record)  # late: by now the processes in them are gone
        for directory in (paths.run, paths.state):
            if directory.exists():
                shutil.rmtree(directory)
        remove_if_empty(paths.state.parent)


def delete_cgroups(record: Record) -> None:
    """Remove the groups that shims, which were killed, put their containers into."""
    for name, facts in record.entries("cgroup"):
        for directory in facts.get("directories", ()):
            remove_tree(directory)
        record.remove("cgroup", name)


def _delete_links(record: Record) -> None:
    gone = (errno.ENODEV, errno.ENOENT)
    for link, _facts in record.entries("link"):
        with Netlink.open(None) as machine:
            machine.batch([messages.delete_link(link).tolerating(*gone)])
        record.remove("link", link)
