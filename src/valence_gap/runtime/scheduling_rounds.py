"""Fewer rounds of Snakemake's scheduler.

In each round Snakemake 9 examines all jobs that could start, and then starts a timer for the next round, so that jobs
which its limit on the rate of starts held back are not forgotten. A job that ends causes a round too, and so one more
timer, which is renewed until the run ends. After 400 jobs of a study the timers caused 130 rounds a second and took
half a core. One timer is enough.
"""

import threading
from typing import Any


def keep_one_timer(scheduler: Any) -> None:
    """Make Snakemake's scheduler wait for one timer at a time; if it works in another way, do nothing.

    The timer is a daemon: the process ends without waiting for it.

    Args:
        scheduler: ``workflow.scheduler``, before its first round.
    """
    released = getattr(getattr(scheduler, "_open_jobs", None), "release", None)
    if released is None or not hasattr(scheduler, "_schedule_reevalutation"):
        return
    waiting = threading.Event()

    def next_round() -> None:
        waiting.clear()
        released()

    def schedule(delay: float) -> None:
        if not waiting.is_set():
            waiting.set()
            timer = threading.Timer(delay, next_round)
            timer.daemon = True
            timer.start()

    scheduler._schedule_reevalutation = schedule
