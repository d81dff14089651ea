"""How long work is followed: a bar on standard error, on a terminal only; warnings always, each once.

Keep out: results; those go to standard output when the work is done.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from inode_pipeline.cli.failure import clean

if TYPE_CHECKING:
    from inode_pipeline.sync import Listener, Progress


@contextmanager
def shown() -> Iterator[Listener]:
    """A listener for `sync`: it draws a bar where standard error is a terminal, and tells every note there."""
    if not sys.stderr.isatty():
        yield _listener(draw=lambda _: None, tell=lambda text: click.echo(text, err=True))
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield _listener(
            draw=lambda step: bar.update(task, description=clean(step.text), completed=step.done, total=step.total),
            tell=lambda text: bar.console.print(text, markup=False, highlight=False, style="yellow"),
        )


def _listener(*, draw: Callable[[Progress], None], tell: Callable[[str], None]) -> Listener:
    told: set[str] = set()

    def listen(step: Progress) -> None:
        if step.kind != "note":
            draw(step)
        elif step.text not in told:
            told.add(step.text)
            tell(f"warning: {clean(step.text)}")

    return listen
