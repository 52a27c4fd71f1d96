"""How an input may end: in an error that a user can mend, in a counted skip, or accepted; nothing else, and soon."""

import re
import signal
import sys
from collections import Counter
from contextlib import contextmanager

import pytest
from hypothesis import settings

from valence_gap.runtime.errors import UserError

KINDS = ("error", "skip", "accepted", "hand-made")
TALLY = Counter()
TIME_LIMIT_S = 60  # for one input of a kilobyte: beyond it, something hangs
LONGEST_MESSAGE = 200_000

# How many inputs each test generates.
ROUNDS = {
    "msp-podcast": 80,
    "iemocap": 60,
    "cmu-mosi": 60,
    "table": 80,
    "audformat": 60,
    "parquet": 40,
    "esc50": 50,
    "configuration": 100,
    "audio": 150,
    "config.json": 50,
    "safetensors": 50,
    "pickle": 20,
    "state": 25,
}

_forbidden = []
_touched = []


def _audit(event, arguments):
    if _forbidden and event == "open" and isinstance(arguments[0], str | bytes):
        path = arguments[0] if isinstance(arguments[0], str) else arguments[0].decode(errors="replace")
        _touched.extend(path for each in _forbidden if path.startswith(each))


sys.addaudithook(_audit)


class HangError(Exception):
    """It took too long."""


def _hang(*_):
    raise HangError


def fuzz_settings(name):
    """The settings of a test that generates its share of the inputs."""
    return settings(settings.get_profile("fuzz"), max_examples=ROUNDS[name])


@contextmanager
def guarded(outside=None):
    """Nothing outside the roots may be opened, and it must end in time."""
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
        function: does what a user does with the input; returns its result.
        outside: a folder that must not be opened.
        skips: whether something of the input was skipped, by the result.
        names: parts of which the message of an error must name one.

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


def check_message(error, names=()):
    """A message says what is wrong, where, in bounded length, and cannot forge or hide lines of a terminal."""
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
    """Run one hand-made input, which must end in an error with these words in its message."""
    with guarded(), pytest.raises(UserError) as caught:
        function()
    check_message(caught.value)
    TALLY["hand-made"] += 1
    for word in words:
        assert word in str(caught.value), str(caught.value)
