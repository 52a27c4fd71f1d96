"""Count the inputs by their outcome, over all workers, and print the sums at the end of the run."""

import hypothesis
import pytest
from harness import KINDS, OUTCOMES, ROW_KINDS, TALLY

from valence_gap.runtime import provenance

hypothesis.settings.register_profile(
    "fuzz",
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=False,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],  # no shrinking, which takes long
    suppress_health_check=list(hypothesis.HealthCheck),
)


def pytest_configure(config):
    config.stash[COUNTS] = dict.fromkeys((*KINDS, *OUTCOMES), 0)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(
        provenance, "git_commit", lambda: None
    )  # it would start a process for each of a thousand inputs


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    for kind, count in getattr(node, "workeroutput", {}).get("fuzz", {}).items():
        node.config.stash[COUNTS][kind] += count


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["fuzz"] = dict(TALLY)


def pytest_terminal_summary(terminalreporter, config):
    counts = {kind: config.stash[COUNTS][kind] + TALLY[kind] for kind in (*KINDS, *OUTCOMES)}
    for kind in ROW_KINDS:
        found = {outcome: counts[f"{kind}: {outcome}"] for outcome in ("right", "refused", "silent")}
        if any(found.values()):
            terminalreporter.write_line(
                f"{kind} as they are found in the wild: {found['right']} read with the right values, "
                f"{found['refused']} refused with a reason, {found['silent']} silently wrong"
            )
    if not any(counts[kind] for kind in KINDS):
        return
    generated = sum(counts[kind] for kind in ("error", "skip", "accepted"))
    terminalreporter.write_line(
        f"broken and hostile input: generated {generated}: {counts['error']} errors, {counts['skip']} counted skips, "
        f"{counts['accepted']} accepted; hand-made {counts['hand-made']}"
    )


COUNTS = pytest.StashKey[dict[str, int]]()
