"""The training log (``training.csv``) as figures and claims read it: dev CCCs by whole epochs."""

from pathlib import Path

import pandas as pd


def read_epochs(path: Path) -> pd.DataFrame:
    """Read a training log and keep the evaluations at the ends of epochs.

    A log has the columns step and epoch_end only if the dev set was evaluated within epochs too
    (``evaluate_every``); otherwise each row is the end of an epoch.

    Returns:
        One row per finished epoch, by epoch: epoch, loss, dev_arousal, dev_dominance, dev_valence, dev_mean, best. It
        is empty if the training was stopped within its first epoch.
    """
    log = pd.read_csv(path)
    if "epoch_end" in log:
        log = log[log["epoch_end"]].drop(columns=["step", "epoch_end"])
    return log.sort_values("epoch", ignore_index=True)
