"""Count the inputs by their outcome, over all workers, and print the sums at the end of the run."""

from collections import Counter

import hypothesis
import pytest
from harness import JUDGED, KINDS, OUTCOMES, TALLY

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
    config.stash[COUNTS] = dict.fromkeys(KINDS, 0)
    config.stash[JUDGEMENTS] = Counter()


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(
        provenance, "git_commit", lambda: None
    )  # it would start a process for each of a thousand inputs


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    for kind, count in getattr(node, "workeroutput", {}).get("fuzz", {}).items():
        node.config.stash[COUNTS][kind] += count
    for kind, outcome, count in getattr(node, "workeroutput", {}).get("judged", []):
        node.config.stash[JUDGEMENTS][kind, outcome] += count


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["fuzz"] = dict(TALLY)
        session.config.workeroutput["judged"] = [(*key, count) for key, count in JUDGED.items()]


def pytest_terminal_summary(terminalreporter, config):
    judged = config.stash[JUDGEMENTS] + JUDGED
    for kind in sorted({kind for kind, _ in judged}):
        found = ", ".join(f"{judged[kind, outcome]} {outcome}" for outcome in OUTCOMES)
        terminalreporter.write_line(f"{kind}: {found}")
    counts = {kind: config.stash[COUNTS][kind] + TALLY[kind] for kind in KINDS}
    if not any(counts.values()):
        return
    generated = sum(counts[kind] for kind in ("error", "skip", "accepted"))
    terminalreporter.write_line(
        f"broken and hostile input: generated {generated}: {counts['error']} errors, {counts['skip']} counted skips, "
        f"{counts['accepted']} accepted; hand-made {counts['hand-made']}"
    )


COUNTS = pytest.StashKey[dict[str, int]]()
JUDGEMENTS = pytest.StashKey[Counter]()
