"""Print progress, warnings and receipts. Results go to standard output, progress and warnings to standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import click

from inode_pipeline.text import visible_lines

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from inode_pipeline.sync import Listener, Progress
    from inode_pipeline.warehouse.receipt import Receipt


class Day(click.ParamType[datetime]):
    """The type of a date argument."""

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Midnight of the date, without a zone."""
        try:
            return datetime.strptime(str(value), "%Y-%m-%d")  # noqa: DTZ007 - a date has no zone
        except ValueError:
            self.fail(f"{value!r} is not a date written as 2026-11-27.", param, ctx)


DAY = Day()


def say(text: str) -> None:
    """Print on standard error. A full disk or a closed pipe must not stop the command."""
    try:
        click.echo(text, err=True, color=False if os.environ.get("NO_COLOR") else None)
    except OSError:  # flushing the buffer when the process ends would fail again and change the exit code
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - open for good


@contextmanager
def progress() -> Iterator[Listener]:
    """A listener for `sync` that prints each warning once and, on a terminal, shows a progress bar."""
    if not sys.stderr.isatty():
        yield _listener(draw=lambda _: None, warn=say)
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
            draw=lambda step: bar.update(
                task, description=visible_lines(step.text), completed=step.done, total=step.total
            ),
            warn=lambda text: bar.console.print(text, markup=False, highlight=False, style="yellow"),
        )


def _listener(*, draw: Callable[[Progress], None], warn: Callable[[str], None]) -> Listener:
    warned: set[str] = set()

    def listen(step: Progress) -> None:
        if step.kind != "note":
            draw(step)
        elif step.text not in warned:
            warned.add(step.text)
            warn(f"warning: {visible_lines(step.text)}")

    return listen


def print_receipts(receipts: Sequence[Receipt], zone: ZoneInfo, not_known: str | None) -> None:
    """Print each receipt in a few lines, and then which questions the tables cannot answer."""
    from inode_pipeline.analysis.receipts import lines

    for receipt in receipts:
        click.echo("\n  ".join(lines(receipt, zone)))
    if not_known is not None:
        click.echo(not_known)
