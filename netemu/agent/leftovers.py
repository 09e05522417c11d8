"""[IO] Files of pods that nobody knows any more: a daemon that was killed left them.

As a kubelet's housekeeping, but once: when an agent starts.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from netemu.agent.specs import Site
from netemu.informer.cache import Key


def left_behind(site: Site) -> dict[str, Key]:
    """Give UID and key of each pod of which a node has files; one without a log has no name.

    What was begun and not put in its place goes at once.
    """
    directories = site.pod_dir("x").parent
    unfinished = [name for name in _names(directories) if name.endswith(".new")]
    for name in unfinished:
        shutil.rmtree(directories / name, ignore_errors=True)
    found = {uid: Key("", uid) for uid in _names(directories) if uid not in unfinished}
    for name in _names(site.log_dir("x", "x", "x").parent):
        namespace, pod, uid = name.split("_", 2)
        found[uid] = Key(namespace, pod)
    return found


def _names(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)
    except FileNotFoundError:
        return []
