"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Words = Annotated[list[str] | None, typer.Argument(metavar="KIND [NAME...] | KIND/NAME...")]
Files = Annotated[
    list[str] | None,
    typer.Option("-f", "--filename", metavar="FILE|DIR|-", help="A file, a directory or standard input."),
]
Recursive = Annotated[bool, typer.Option("-R", "--recursive", help="Go into directories below -f's.")]
Labels = Annotated[
    str, typer.Option("-l", "--selector", metavar="LABELS", help="Only objects with these labels (a=b,c!=d).")
]
Fields = Annotated[
    str, typer.Option("--field-selector", metavar="FIELDS", help="Only objects with these fields.")
]
AllNamespaces = Annotated[bool, typer.Option("-A", "--all-namespaces", help="In every namespace.")]
Output = Annotated[
    str,
    typer.Option(
        "-o", "--output", metavar="FORMAT", help="json, yaml, name, wide, jsonpath=… or custom-columns=…"
    ),
]
DryRun = Annotated[
    str, typer.Option("--dry-run", metavar="client|server", help="Only say what would be done.")
]
Container = Annotated[str, typer.Option("-c", "--container", metavar="NAME", help="Which container.")]
IgnoreNotFound = Annotated[bool, typer.Option("--ignore-not-found", help="Nothing there is no error.")]
Timeout = Annotated[str, typer.Option("--timeout", metavar="DURATION", help="When to give up: 30s, 5m.")]
