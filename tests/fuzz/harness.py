"""Run one input: it must end in time, in an error that a user can correct, in a counted skip, or accepted."""

import re
import signal
import sys
from collections import Counter
from contextlib import contextmanager

import pytest
from hypothesis import settings

from valence_gap.runtime.errors import UserError

KINDS = ("error", "skip", "accepted", "hand-made")
OUTCOMES = ("right", "refused", "silent")
TALLY = Counter()
JUDGED = Counter()  # inputs whose right value is known, by their kind and outcome (one of `OUTCOMES`)
TIME_LIMIT_S = 60  # for one input of a kilobyte; after that, something hangs
LONGEST_MESSAGE = 200_000

# Number of inputs that each test generates.
EXAMPLES = {
    "msp-podcast": 80,
    "iemocap": 60,
    "cmu-mosi": 60,
    "table": 80,
    "audformat": 60,
    "parquet": 40,
    "esc50": 50,
    "configuration": 100,
    "audio": 150,
    "audio lengths": 80,
    "audio segments": 80,
    "audio levels": 30,
    "config.json": 50,
    "safetensors": 50,
    "pickle": 20,
    "state": 25,
    "rows": 90,
    "audformat rows": 60,
    "names": 70,
}

_forbidden = []
_touched = []


def _audit(event, arguments):
    if _forbidden and event == "open" and isinstance(arguments[0], str | bytes):
        path = arguments[0] if isinstance(arguments[0], str) else arguments[0].decode(errors="replace")
        _touched.extend(path for each in _forbidden if path.startswith(each))


sys.addaudithook(_audit)


class HangError(Exception):
    """An input took too long."""


def _hang(*_):
    raise HangError


def fuzz_settings(name):
    """Return the Hypothesis settings of a test, with its number of inputs."""
    return settings(settings.get_profile("fuzz"), max_examples=EXAMPLES[name])


@contextmanager
def guarded(outside=None):
    """Fail if the block opens a file below ``outside`` or does not end in time."""
    if outside is not None:
        _forbidden.append(str(outside))
    before = signal.signal(signal.SIGALRM, _hang)
    signal.alarm(TIME_LIMIT_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        _forbidden.clear()
    assert not _touched, f"opened {_touched}"


def attempt(function, *, outside=None, skips=lambda result: False, names=()):
    """Run one generated input and count how it ended.

    Args:
        function: uses the input as a user does, and returns the result.
        outside: a folder in which no file may be opened.
        skips: returns, for a result, whether a part of the input was skipped.
        names: the message of an error must contain one of them.

    Returns:
        The result; None where it ended in an error.
    """
    try:
        with guarded(outside):
            result = function()
    except UserError as error:
        check_message(error, names)
        TALLY["error"] += 1
        return None
    TALLY["skip" if skips(result) else "accepted"] += 1
    return result


def judge(kind, function, *, is_right, may_be_refused, refusals=(UserError,), because=""):
    """Run one input whose right value is known, and count its outcome; a wrong value without a word is a failure.

    Args:
        kind: the kind of the input.
        function: reads the input.
        is_right: returns, for a result, whether it is the right value, or is named as what it is.
        may_be_refused: the input is not one that its format allows: a refusal is the right answer.
        refusals: the exceptions that refuse an input with a reason.
        because: a part of the reason.
    """
    try:
        with guarded():
            result = function()
    except refusals as error:
        JUDGED[kind, "refused"] += 1
        refusal = error
    else:
        right = is_right(result)
        JUDGED[kind, "right" if right else "silent"] += 1
        assert right, f"a wrong value without a word: {result}"
        return
    assert str(refusal).strip()
    assert may_be_refused, f"refused: {refusal}"
    assert because in str(refusal), str(refusal)
    if isinstance(refusal, UserError):
        check_message(refusal)


def check_message(error, names=()):
    """Check that a message says what is wrong and where, is not too long, and cannot control the terminal."""
    text = str(error)
    assert error.what.strip()
    assert error.offenders or error.remedy, text
    assert len(text) < LONGEST_MESSAGE
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text), repr(text)
    text.encode()
    assert "Traceback" not in text
    if names:
        assert any(name in text for name in names), text


def expect_error(function, words):
    """Run one hand-made input; it must end in an error with these words in its message."""
    with guarded(), pytest.raises(UserError) as caught:
        function()
    check_message(caught.value)
    TALLY["hand-made"] += 1
    for word in words:
        assert word in str(caught.value), str(caught.value)
