"""``create``'s words for configuration, Services, Ingresses and Jobs."""

from __future__ import annotations

from typing import Annotated

import typer

from netemu.cli.commands import access  # noqa: F401 - it adds its words to create_app
from netemu.cli.commands.options import DryRun, Output
from netemu.cli.commands.workloads import Image, Name, Rest, create_app, write_one
from netemu.cli.target import Target

Literals = Annotated[list[str] | None, typer.Option("--from-literal", metavar="KEY=VALUE")]
FromFiles = Annotated[list[str] | None, typer.Option("--from-file", metavar="[KEY=]FILE|DIR")]
FromEnvFiles = Annotated[list[str] | None, typer.Option("--from-env-file", metavar="FILE")]
Tcp = Annotated[list[str] | None, typer.Option("--tcp", metavar="PORT[:TARGETPORT]")]

secret_app = typer.Typer(rich_markup_mode=None, help="Create a Secret.", no_args_is_help=True)
service_app = typer.Typer(rich_markup_mode=None, help="Create a Service.", no_args_is_help=True)


@create_app.command("configmap")
def configmap(
    context: typer.Context,
    *,
    name: Name,
    literals: Literals = None,
    files: FromFiles = None,
    env_files: FromEnvFiles = None,
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Create a ConfigMap: `create configmap web --from-literal color=red`."""
    from netemu.api.kinds import CONFIG_MAP
    from netemu.cli import creation
    from netemu.cli.sources import read_values

    values = read_values(literals or (), files or (), env_files or ())
    obj = creation.config_map(name, _namespace(context), values)
    write_one(context, CONFIG_MAP, obj, dry_run, output)


@secret_app.command("generic")
def secret_generic(
    context: typer.Context,
    *,
    name: Name,
    literals: Literals = None,
    files: FromFiles = None,
    env_files: FromEnvFiles = None,
    type_: Annotated[str, typer.Option("--type")] = "",
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Create a Secret of values and files."""
    from netemu.cli.sources import read_values

    values = read_values(literals or (), files or (), env_files or ())
    _write_secret(context, name, values, type_, dry_run, output)


@secret_app.command("tls")
def secret_tls(
    context: typer.Context,
    *,
    name: Name,
    cert: Annotated[str, typer.Option("--cert", metavar="FILE")],
    key: Annotated[str, typer.Option("--key", metavar="FILE")],
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Create a Secret of a certificate and its key."""
    from netemu.cli.sources import read_values

    values = read_values((), (f"tls.crt={cert}", f"tls.key={key}"), ())
    _write_secret(context, name, values, "kubernetes.io/tls", dry_run, output)


@secret_app.command("docker-registry")
def secret_docker_registry(
    context: typer.Context,
    *,
    name: Name,
    username: Annotated[str, typer.Option("--docker-username")],
    password: Annotated[str, typer.Option("--docker-password")],
    email: Annotated[str, typer.Option("--docker-email")] = "",
    server: Annotated[str, typer.Option("--docker-server")] = "https://index.docker.io/v1/",
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Create a Secret for a registry."""
    import json

    from netemu.cli.creation import docker_config

    config = json.dumps(docker_config(server, username, password, email), separators=(",", ":"))
    values = {".dockerconfigjson": config.encode()}
    _write_secret(context, name, values, "kubernetes.io/dockerconfigjson", dry_run, output)


@service_app.command("clusterip")
def service_clusterip(
    context: typer.Context,
    *,
    name: Name,
    tcp: Tcp = None,
    cluster_ip: Annotated[str, typer.Option("--clusterip", help="An address, or None for headless.")] = "",
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Create a Service that selects `app=NAME`."""
    _write_service(context, name, "ClusterIP", tcp, cluster_ip, dry_run, output)


@service_app.command("nodeport")
def service_nodeport(
    context: typer.Context, *, name: Name, tcp: Tcp = None, dry_run: DryRun = "", output: Output = ""
) -> None:
    """Create a Service with a port on every node."""
    _write_service(context, name, "NodePort", tcp, "", dry_run, output)


@service_app.command("loadbalancer")
def service_loadbalancer(
    context: typer.Context, *, name: Name, tcp: Tcp = None, dry_run: DryRun = "", output: Output = ""
) -> None:
    """Create a Service with an address outside."""
    _write_service(context, name, "LoadBalancer", tcp, "", dry_run, output)


@service_app.command("externalname")
def service_externalname(
    context: typer.Context,
    *,
    name: Name,
    external_name: Annotated[str, typer.Option("--external-name", metavar="HOST")],
    tcp: Tcp = None,
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Create a Service that is another name for a host."""
    _write_service(context, name, "ExternalName", tcp, external_name, dry_run, output)


@create_app.command("ingress")
def ingress(
    context: typer.Context,
    *,
    name: Name,
    rules: Annotated[
        list[str] | None, typer.Option("--rule", metavar="HOST/PATH=SERVICE:PORT[,tls[=SECRET]]")
    ] = None,
    class_name: Annotated[str, typer.Option("--class", metavar="NAME")] = "",
    default_backend: Annotated[str, typer.Option("--default-backend", metavar="SERVICE:PORT")] = "",
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Create an Ingress: `create ingress web --rule "shop.test/*=web:80"`."""
    from netemu.api.kinds import INGRESS
    from netemu.cli import creation

    obj = creation.ingress(
        name, _namespace(context), rules or (), class_name=class_name, default_backend=default_backend
    )
    write_one(context, INGRESS, obj, dry_run, output)


@create_app.command("job")
def job(
    context: typer.Context,
    *,
    name: Name,
    image: Annotated[str, typer.Option("--image")] = "",
    from_: Annotated[str, typer.Option("--from", metavar="cronjob/NAME", help="What it would run now.")] = "",
    words: Rest = None,
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Create a Job: `create job once --image busybox -- date`."""
    from netemu.api.kinds import CRON_JOB, JOB
    from netemu.cli import creation
    from netemu.cli.resources import Query, UsageError, parse_one
    from netemu.cli.session import run_with_session

    namespace = _namespace(context)
    if bool(image) == bool(from_):
        raise UsageError("either --image or --from must be specified")
    if image:
        write_one(context, JOB, creation.job(name, namespace, image, words or ()), dry_run, output)
        return
    selection = parse_one([from_])
    if selection.kind is not CRON_JOB:
        raise UsageError("from must be an existing cronjob")
    query = Query(kind=CRON_JOB, namespace=namespace, name=selection.names[0])
    (found,) = run_with_session(context.obj, lambda session: session.find(query))
    write_one(context, JOB, creation.job_from(name, found), dry_run, output)


@create_app.command("cronjob")
def cronjob(
    context: typer.Context,
    *,
    name: Name,
    image: Image,
    schedule: Annotated[str, typer.Option("--schedule", metavar='"M H D M W"')],
    restart: Annotated[str, typer.Option("--restart", metavar="OnFailure|Never")] = "",
    words: Rest = None,
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Create a CronJob: `create cronjob tick --image busybox --schedule "* * * * *" -- date`."""
    from netemu.api.kinds import CRON_JOB
    from netemu.cli import creation

    namespace = _namespace(context)
    obj = creation.cron_job(name, namespace, image, words or (), schedule=schedule, restart=restart)
    write_one(context, CRON_JOB, obj, dry_run, output)


create_app.add_typer(secret_app, name="secret")
create_app.add_typer(service_app, name="service")
create_app.add_typer(service_app, name="svc", hidden=True)
for word, command in (("cm", configmap), ("ing", ingress), ("cj", cronjob)):
    create_app.command(word, hidden=True)(command)


def _namespace(context: typer.Context) -> str:
    target: Target = context.obj
    return target.namespace_or_default


def _write_secret(
    context: typer.Context, name: str, values: dict[str, bytes], type_: str, dry_run: str, output: str
) -> None:
    from netemu.api.kinds import SECRET
    from netemu.cli import creation

    obj = creation.secret(name, _namespace(context), values, type_=type_)
    write_one(context, SECRET, obj, dry_run, output)


def _write_service(
    context: typer.Context,
    name: str,
    type_: str,
    tcp: list[str] | None,
    address: str,
    dry_run: str,
    output: str,
) -> None:
    from netemu.api.kinds import SERVICE
    from netemu.cli import creation

    obj = creation.service(name, _namespace(context), type_, tcp=tcp or (), address=address)
    write_one(context, SERVICE, obj, dry_run, output)
