"""Downloads from the hub, and what to do if the hub, the network or the disk refuses one."""

import errno
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from valence_gap.runtime.errors import UserError, user_error_from_os_error
from valence_gap.runtime.progress import log_line
from valence_gap.weights.model_types import CONFIG, WEIGHTS

PICKLED = "pytorch_model.bin"
ACCOMPANYING = (
    "preprocessor_config.json",
    "processor_config.json",
    "generation_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "normalizer.json",
    "README.md",
    "LICENSE",
    "lexicon.txt",
)
ON_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EFBIG)
"""Errors of a download that the disk causes, not the network."""
COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Origin:
    """Where a fetched model comes from.

    Attributes:
        what: its name at the start of messages: ``Backbone w2v2-b``.
        key: its key in the configuration: ``backbones.w2v2-b``.
        source: hub id or local folder.
        revision: commit on the hub.
        definition: JSON value that is written to its record.
    """

    what: str
    key: str
    source: str
    revision: str | None
    definition: Mapping[str, Any]


def download(origin: Origin, scratch: Path) -> Path:
    """Download the required files of a pinned commit into ``scratch``; safetensors if the hub has them.

    Raises:
        UserError: the download failed. The message gives the reason, or says which files to download by other means
            and where to put them.
    """
    patterns = [CONFIG, WEIGHTS, *ACCOMPANYING]
    _snapshot(origin, patterns, scratch)
    if not (scratch / WEIGHTS).is_file():
        _snapshot(origin, [PICKLED], scratch)
    return scratch


def _snapshot(origin: Origin, patterns: list[str], scratch: Path) -> None:
    source, revision = origin.source, str(origin.revision)
    log_line(f"{origin.what}: downloading {source} at {revision[:12]}")
    try:
        snapshot_download(source, revision=revision, allow_patterns=patterns, local_dir=scratch)
    except (OfflineModeIsEnabled, HfHubHTTPError, EntryNotFoundError, OSError) as error:
        raise _refused(origin, error) from error


def _refused(origin: Origin, error: Exception) -> UserError:
    """The error that says what a user can do if the hub, the network or the disk refuses a download."""
    source, revision = origin.source, origin.revision
    first = first_line(error)
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, GatedRepoError) or status == 403:
        remedy = f"Ask for access at https://huggingface.co/{source}, then log in with `hf auth login`."
        return UserError(f"{origin.what}: {source} is gated, or its access is denied.", [first], remedy)
    if isinstance(error, RepositoryNotFoundError):
        what = f"{origin.what}: the hub has no model {source}, or it is private."
        return UserError(what, remedy="Correct its source, or log in with `hf auth login`.")
    if isinstance(error, LocalEntryNotFoundError | OfflineModeIsEnabled):
        # The library also raises LocalEntryNotFoundError after an error of the hub or the disk.
        inner = error.__cause__
        return _refused(origin, inner) if isinstance(inner, HfHubHTTPError) else _offline(origin, error)
    if isinstance(error, RevisionNotFoundError | EntryNotFoundError):
        what = f"{origin.what}: {source} has no commit {revision}."
        return UserError(what, remedy=f"Choose one at https://huggingface.co/{source}/commits/main.")
    if status == 401:
        remedy = "Log in with `hf auth login`, or give a valid token as HF_TOKEN."
        return UserError(f"{origin.what}: the hub rejects this login for {source}.", [first], remedy)
    if isinstance(status, int) and (status == 429 or status >= 500):
        remedy = "Try again later; if this continues, see https://status.huggingface.co."
        return UserError(f"{origin.what}: the hub is overloaded or out of order ({status}).", [first], remedy)
    if isinstance(error, OSError) and error.errno in ON_DISK and (user_error := user_error_from_os_error(error)):
        return UserError(
            f"{origin.what} cannot be fetched: {user_error.what}.", user_error.offenders, user_error.remedy
        )
    return _offline(origin, error)


def _offline(origin: Origin, error: Exception) -> UserError:
    source, revision = origin.source, origin.revision
    why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else first_line(error)
    folder = origin.what.rpartition(" ")[2]
    return UserError(
        f"{origin.what} cannot be fetched from the hub ({why}). Needed from {source} at commit {revision}:",
        [
            CONFIG,
            f"{WEIGHTS}, or {PICKLED} if there is no such file",
            "preprocessor_config.json, tokenizer files and README.md, if they exist",
        ],
        f"On a machine with a connection run\n"
        f"  hf download {source} --revision {revision} --local-dir {folder}\n"
        f"then copy that folder here and name it as the source: {origin.key}.source: ./{folder}",
    )


def first_line(error: Exception) -> str:
    """The first line of an error's message; the name of its class if it has no message."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def require_commit(origin: Origin) -> None:
    """Refuse a hub id without a commit: the files of a branch or a tag can change.

    Raises:
        UserError: the hub id is not pinned to a commit.
    """
    if origin.revision is None or not COMMIT.fullmatch(origin.revision):
        raise UserError(
            f"{origin.what}: {origin.source} is not pinned: {origin.revision!r} is not a commit hash.",
            remedy=f"Set {origin.key}.revision to the 40 hexadecimal digits of a commit, from "
            f"https://huggingface.co/{origin.source}/commits/main; a branch or a tag can move.",
        )
