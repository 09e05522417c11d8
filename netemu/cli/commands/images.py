"""netemu's own words for images: load, ls, rm."""

from __future__ import annotations

from typing import Annotated

import typer

image_app = typer.Typer(
    rich_markup_mode=None, help="Give a cluster images to run; netemu pulls none.", no_args_is_help=True
)


@image_app.command("load")
def image_load(
    context: typer.Context,
    *,
    file: Annotated[str, typer.Argument(metavar="FILE|DIRECTORY|-")],
    tag: Annotated[
        str, typer.Option("-t", "--tag", metavar="NAME", help="What the image shall be called.")
    ] = "",
) -> None:
    """Load what `docker save` wrote, or an OCI layout; `-` reads from a pipe."""
    from netemu.cli.verbs.images import load_images

    load_images(context.obj.cluster, file, tag)


@image_app.command("ls")
def image_ls(
    context: typer.Context,
    *,
    output: Annotated[str, typer.Option("-o", "--output", metavar="json", help="For programs.")] = "",
) -> None:
    """List the images of the cluster."""
    from netemu.cli.verbs.images import list_images

    list_images(context.obj.cluster, output)


@image_app.command("rm")
def image_rm(
    context: typer.Context, *, images: Annotated[list[str], typer.Argument(metavar="IMAGE...")]
) -> None:
    """Remove images, by name or ID, that no pod needs."""
    from netemu.cli.verbs.images import remove_images

    remove_images(context.obj, images)
