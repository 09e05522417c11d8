"""kubectl's words that make or size workloads: create, run, expose, scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from netemu.cli.commands.options import DryRun, Files, Labels, Output, Recursive, Words
from netemu.cli.target import Target

if TYPE_CHECKING:
    from netemu.api.kinds import Kind

Name = Annotated[str, typer.Argument(metavar="NAME")]
Image = Annotated[str, typer.Option("--image", help="The image; see the catalogue in the README.")]
Port = Annotated[int | None, typer.Option("--port", help="The port that the container listens on.")]
Rest = Annotated[list[str] | None, typer.Argument(metavar="[-- COMMAND [ARG...]]")]

create_app = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@create_app.callback()
def create(
    context: typer.Context,
    *,
    files: Files = None,
    recursive: Recursive = False,
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Create objects from files (-f), or one of a kind by name."""
    from netemu.cli.discovered import custom_kinds
    from netemu.cli.manifests import read_documents
    from netemu.cli.resources import UsageError

    if context.invoked_subcommand is not None:
        return
    if not files:
        raise UsageError("must specify one of -f, or a kind and a name", hint="netemu create --help")
    more = custom_kinds(context.obj)
    _write(context, read_documents(files, context.obj, recursive=recursive, more=more), dry_run, output)


@create_app.command("deployment")
def create_deployment(
    context: typer.Context,
    *,
    name: Name,
    image: Image,
    words: Rest = None,
    replicas: Annotated[int, typer.Option("-r", "--replicas", help="How many pods.")] = 1,
    port: Port = None,
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Create a Deployment: `create deployment web --image nginx --replicas 3`."""
    from netemu.api.kinds import DEPLOYMENT
    from netemu.cli import generate

    target: Target = context.obj
    obj = generate.deployment(
        name, target.namespace_or_default, image, replicas=replicas, port=port, command=words or ()
    )
    write_one(context, DEPLOYMENT, obj, dry_run, output)


@create_app.command("namespace")
def create_namespace(context: typer.Context, name: Name, dry_run: DryRun = "", output: Output = "") -> None:
    """Create a Namespace."""
    from netemu.api.kinds import NAMESPACE
    from netemu.cli import generate

    write_one(context, NAMESPACE, generate.namespace(name), dry_run, output)


create_app.command("deploy", hidden=True)(create_deployment)
create_app.command("ns", hidden=True)(create_namespace)


def run(
    context: typer.Context,
    *,
    name: Name,
    image: Image,
    words: Rest = None,
    command: Annotated[
        bool, typer.Option("--command", help="The words are the command, not its args.")
    ] = False,
    port: Port = None,
    exposed: Annotated[bool, typer.Option("--expose", help="Make a Service for its port, too.")] = False,
    labels: Annotated[list[str] | None, typer.Option("-l", "--labels", metavar="K=V,...")] = None,
    env: Annotated[list[str] | None, typer.Option("--env", metavar="K=V")] = None,
    restart: Annotated[str, typer.Option("--restart", metavar="Always|OnFailure|Never")] = "Always",
    stdin: Annotated[bool, typer.Option("-i", "--stdin", help="Pass standard input on.")] = False,
    tty: Annotated[bool, typer.Option("-t", "--tty", help="Give it a terminal.")] = False,
    attach: Annotated[
        bool | None, typer.Option("--attach/--no-attach", help="Join it; so with -i.", show_default=False)
    ] = None,
    remove: Annotated[bool, typer.Option("--rm", help="Delete it when it was left.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing about the pod.")] = False,
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Create one pod: `run -it --rm me --image busybox -- sh`."""
    from netemu.api.kinds import POD, SERVICE
    from netemu.cli import generate
    from netemu.cli.manifests import document_of
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.running import Terminal, run_attached, with_terminal

    terminal = Terminal(stdin=stdin, tty=tty, attach=stdin if attach is None else attach, remove=remove)

    target: Target = context.obj
    obj = generate.pod(
        name,
        target.namespace_or_default,
        image,
        port=port,
        labels=generate.parse_pairs(labels or ()),
        env=generate.parse_pairs(env or ()),
        restart=restart,
        words=words or (),
        is_command=command,
    )
    obj = with_terminal(obj, terminal)
    documents = [document_of(SERVICE, generate.service_of_pod(obj))] if exposed else []
    if not terminal.attach or dry_run not in ("", "none"):
        _write(context, [*documents, document_of(POD, obj)], dry_run, output)
        return
    if documents:
        _write(context, documents, dry_run, output)
    status = run_with_session(target, lambda session: run_attached(session, obj, terminal, quiet=quiet))
    if status:
        raise typer.Exit(status)


def expose(
    context: typer.Context,
    *,
    words: Annotated[list[str], typer.Argument(metavar="KIND NAME | KIND/NAME")],
    name: Annotated[str, typer.Option("--name", help="The Service's name; default: the object's.")] = "",
    port: Annotated[int | None, typer.Option("--port", help="The port that the Service listens on.")] = None,
    target_port: Annotated[str, typer.Option("--target-port", help="The pods' port, number or name.")] = "",
    protocol: Annotated[str, typer.Option("--protocol", metavar="TCP|UDP")] = "TCP",
    type: Annotated[str, typer.Option("--type", metavar="ClusterIP|NodePort|LoadBalancer")] = "",
    cluster_ip: Annotated[str, typer.Option("--cluster-ip", help="An address, or None for headless.")] = "",
    selector: Annotated[list[str] | None, typer.Option("--selector", metavar="K=V,...")] = None,
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Make a Service for a Deployment, ReplicaSet, Pod or Service."""
    from netemu.cli import generate
    from netemu.cli.resources import parse_one
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.apply import write_options
    from netemu.cli.verbs.expose import expose as expose_object

    target: Target = context.obj
    options = generate.ServiceOptions(
        name=name,
        port=port,
        target_port=target_port,
        protocol=protocol,
        type=type,
        cluster_ip=cluster_ip,
        selector=generate.parse_pairs(selector) if selector else None,
    )
    selection = parse_one(words)
    write = write_options(dry_run, output)
    run_with_session(target, lambda session: expose_object(session, selection, target, options, write))


def scale(
    context: typer.Context,
    *,
    words: Words = None,
    files: Files = None,
    recursive: Recursive = False,
    replicas: Annotated[int, typer.Option("--replicas", help="How many pods.")],
    current_replicas: Annotated[
        int | None, typer.Option("--current-replicas", help="Only if there are so many now.")
    ] = None,
    labels: Labels = "",
    everything: Annotated[bool, typer.Option("--all", help="All objects of the kind.")] = False,
) -> None:
    """Set how many pods a workload has."""
    from netemu.cli.commands.objects import scope_of, selections_of
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.scale import ScaleRequest
    from netemu.cli.verbs.scale import scale as scale_objects

    target: Target = context.obj
    selections = selections_of(target, words, files, recursive=recursive)
    scope = scope_of(target, all_namespaces=False, labels=labels)
    request = ScaleRequest(replicas=replicas, current_replicas=current_replicas, everything=everything)
    run_with_session(target, lambda session: scale_objects(session, selections, scope, request))


def write_one(context: typer.Context, kind: Kind, obj: dict[str, Any], dry_run: str, output: str) -> None:
    """Create one object."""
    from netemu.cli.manifests import document_of

    _write(context, [document_of(kind, obj)], dry_run, output)


def _write(context: typer.Context, documents: list[Any], dry_run: str, output: str) -> None:
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.apply import create as create_documents
    from netemu.cli.verbs.apply import write_options

    options = write_options(dry_run, output)
    if not run_with_session(context.obj, lambda session: create_documents(session, documents, options)):
        raise typer.Exit(1)
