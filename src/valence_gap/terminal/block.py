"""The block on a terminal, drawn by rich."""

from collections.abc import Sequence
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from valence_gap.terminal.display import Display, Status

MOST_RUNNING = 8  # running jobs that the block lists
TEXT_WIDTH = 60  # columns beside the bar
LONGEST_LINE = 110  # columns of text


class Block(Display):
    """One block on a terminal, with messages above it."""

    def __init__(self, stream: TextIO, *, color: bool = True) -> None:
        self._console = Console(file=stream, no_color=not color, highlight=False, markup=False, emoji=False)
        self._live: Live | None = None
        self.width = min(self._console.width, LONGEST_LINE)

    def event(self, status: Status, text: str) -> None:
        """The block shows it at its next refresh."""

    def message(self, lines: Sequence[str]) -> None:
        """Print the lines above the block."""
        for line in lines:
            self._console.print(Text(line), soft_wrap=True)

    def tick(self, status: Status, now: float) -> None:
        """Draw the block again."""
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(block(status, self._console.width), refresh=True)

    def stop(self) -> None:
        """Remove the block."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def block(status: Status, width: int) -> Group:
    """The block: stages, a bar with the times, running jobs, and the training that ended last."""
    stages = Text(" · ").join(
        Text(f"{name} {done}/{planned}", style="green" if done == planned else "bold" if done else "dim")
        for name, (done, planned) in status.stages.items()
    )
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        ProgressBar(total=1.0, completed=status.done, width=max(10, min(40, width - TEXT_WIDTH))),
        Text(f"{status.done:4.0%} of the work, {status.times}"),
    )
    jobs = Table.grid(padding=(0, 2))
    for title, state, spent in status.running[:MOST_RUNNING]:
        jobs.add_row(Text(f"  {title}"), Text(spent, justify="right"), Text(state))
    rows: list[RenderableType] = [Text(""), stages, bar, jobs]
    if len(status.running) > MOST_RUNNING:
        rows.append(Text(f"  and {len(status.running) - MOST_RUNNING} more"))
    if status.newest:
        rows.append(Text(f"  last: {status.newest}", style="dim"))
    return Group(*rows)
