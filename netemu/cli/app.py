"""The ``netemu`` program: its words, and how every error ends.

Exit status: the command's own; 1 an error, 2 options that do not exist or fit, 130 Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import typer

from netemu.cli.commands import clusters, images, nodes, objects, pods, rollouts, streams, workloads
from netemu.cli.target import CLUSTER_VARIABLE, DEFAULT_CLUSTER, Target, hoist_globals
from netemu.errors import NetemuError

app = typer.Typer(
    name="netemu",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from netemu import __version__

        print(f"netemu {__version__}")
        raise typer.Exit


@app.callback(epilog="-n and --cluster may stand anywhere before `--`, as for kubectl.")
def netemu(
    context: typer.Context,
    namespace: Annotated[
        str, typer.Option("-n", "--namespace", help="The namespace of objects. [default: default]")
    ] = "",
    cluster: Annotated[
        str,
        typer.Option("--cluster", "--name", envvar=CLUSTER_VARIABLE, help="Which cluster. [default: netemu]"),
    ] = "",
    version: Annotated[  # noqa: ARG001 - its callback does it
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Kubernetes networking on real Linux, on one machine."""
    context.obj = Target(cluster=cluster or DEFAULT_CLUSTER, namespace=namespace, cluster_given=bool(cluster))


WORDS: Mapping[str, Callable[..., None]] = {
    "up": clusters.up,
    "down": clusters.down,
    "status": clusters.status,
    "kubeconfig": clusters.kubeconfig,
    "doctor": clusters.doctor,
    "apply": objects.apply,
    "get": objects.get,
    "describe": objects.describe,
    "delete": objects.delete,
    "wait": objects.wait,
    "exec": pods.exec_,
    "logs": pods.logs,
    "attach": streams.attach,
    "port-forward": streams.port_forward,
    "cp": streams.cp,
    "run": workloads.run,
    "expose": workloads.expose,
    "scale": workloads.scale,
}
GROUPS: Mapping[str, typer.Typer] = {
    "node": nodes.node_app,
    "cni": nodes.cni_app,
    "proxy": nodes.proxy_app,
    "image": images.image_app,
    "create": workloads.create_app,
    "rollout": rollouts.rollout_app,
}
for word, command in WORDS.items():
    app.command(word)(command)
for word, group in GROUPS.items():
    app.add_typer(group, name=word)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, this process's own by default."""
    try:
        app(hoist_globals(sys.argv[1:] if arguments is None else arguments), prog_name="netemu")
    except NetemuError as err:
        from netemu.cli.failures import render_failure

        print(render_failure(err), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has gone, as in `netemu get pods | head -1`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
