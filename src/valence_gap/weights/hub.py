"""Downloads from the hub, and what to do if the hub, the network or the disk refuses one."""

import errno
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from huggingface_hub import constants, model_info, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from valence_gap.definitions.models import RESOLVE
from valence_gap.runtime.errors import UserError, user_error_from_os_error
from valence_gap.runtime.progress import log_line, note
from valence_gap.weights.contents import INDEX, shards
from valence_gap.weights.model_types import CONFIG, PICKLED, WEIGHTS

MAIN = "main"
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
        revision: commit on the hub, or ``resolve``.
        definition: JSON value that is written to its record.
        sha256: the SHA-256 that files at the source must have, by file name.
        resolved: the commit was looked up, since the definition gives none.
        use: how the ``{folder}`` is used if it was downloaded by other means; by default it is named as the source.
    """

    what: str
    key: str
    source: str
    revision: str | None
    definition: Mapping[str, Any]
    sha256: Mapping[str, str] = field(default_factory=dict)
    resolved: bool = False
    use: str = ""


def resolve(origin: Origin) -> str:
    """Look up the commit of a source's main branch, and print the line of the configuration that pins it.

    Raises:
        UserError: the hub cannot be asked.
    """
    log_line(f"{origin.what}: asking the hub for the commit of {origin.source} at {MAIN}")
    try:
        commit = model_info(origin.source, revision=MAIN).sha
    except (OfflineModeIsEnabled, HfHubHTTPError, EntryNotFoundError, OSError) as error:
        raise _refused(origin, error) from error
    if commit is None or not COMMIT.fullmatch(commit):
        raise UserError(
            f"{origin.what}: the hub names no commit for {origin.source} at {MAIN}, but {commit!r}.",
            remedy=f"Set {origin.key}.revision to a commit from https://huggingface.co/{origin.source}/commits/main.",
        )
    found = f"{origin.source} at {MAIN} is commit {commit}, which is used from now on."
    note(origin.what, f"{found} To pin it: {origin.key}.revision: {commit}")
    return commit


def download(origin: Origin, scratch: Path) -> Path:
    """Download the required files of a pinned commit into ``scratch``.

    The weights are those with a checksum; otherwise safetensors if the hub has them, else a pickle, else shards.

    Raises:
        UserError: the download failed. The message gives the reason, or says which files to download by other means
            and where to put them.
    """
    pickled_alone = PICKLED in origin.sha256 and WEIGHTS not in origin.sha256
    patterns = [CONFIG, PICKLED if pickled_alone else WEIGHTS, *ACCOMPANYING]
    _snapshot(origin, [*patterns, *(name for name in origin.sha256 if name not in patterns)], scratch)
    if has_weights(scratch):
        return scratch
    _snapshot(origin, [PICKLED], scratch)
    if not has_weights(scratch):
        _snapshot(origin, [*INDEX.values()], scratch)
        for index in map(scratch.joinpath, INDEX.values()):
            if index.is_file():
                _snapshot(origin, sorted(set(shards(origin.what, index).values())), scratch)
                break
    return scratch


def has_weights(folder: Path) -> bool:
    """Whether a folder has its weights in one file."""
    return any((folder / name).is_file() for name in (WEIGHTS, PICKLED))


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
        remedy = f"Set {origin.key}.revision to one of https://huggingface.co/{source}/commits/main."
        return UserError(what, remedy=remedy)
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
    weights = f"{WEIGHTS}, or {PICKLED} if there is no such file"
    use = f"use it: {origin.use}" if origin.use else f"name it as the source: {origin.key}.source: ./{{folder}}"
    if revision == RESOLVE:
        what = f"{origin.what}: the commit of {source} cannot be looked up on the hub ({why}). Needed from {source}:"
        place = f"hf download {source} --local-dir {folder}"
    else:
        what = f"{origin.what} cannot be fetched from the hub ({why}). Needed from {source} at commit {revision}:"
        place = f"hf download {source} --revision {revision} --local-dir {folder}"
    return UserError(
        what,
        [CONFIG, weights, "preprocessor_config.json, tokenizer files and README.md, if they exist"],
        f"On a machine with a connection run\n  {place}\nthen copy that folder here and {use.format(folder=folder)}",
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
            f"https://huggingface.co/{origin.source}/commits/main; a branch or a tag can move. Or set it to "
            f"{RESOLVE}: the first fetch looks the commit up, records it and prints it.",
        )
