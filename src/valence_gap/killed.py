"""What a run says of jobs that were killed, and so could say nothing themselves."""

import re
from collections.abc import Iterable
from pathlib import Path

# Snakemake's words for a shell that was killed, and for one whose command was.
KILLED = re.compile(r"died with <Signals\.SIGKILL: 9>|returned non-zero exit status 137\b")


def killed_jobs(logs: Iterable[str]) -> str | None:
    """What to do about jobs that got SIGKILL, most often from a kernel that has no memory left; None where none did.

    Args:
        logs: Snakemake's own logs of the run.
    """
    count = sum(
        len(KILLED.findall(Path(log).read_text(encoding="utf-8", errors="replace")))
        for log in logs
        if Path(log).is_file()
    )
    if not count:
        return None
    jobs = "a job was" if count == 1 else f"{count} jobs were"
    return (
        f"{jobs} killed (SIGKILL), most often because memory ran out. Let fewer jobs run at once (--cores 1, or "
        "--resources mem_mb=8000); where it is a training, set micro_batch_size to 8 or less (the result stays that of "
        "the whole batch). Then run the same again: what is done stays."
    )
