"""The reference of the command line, from its parsers."""

import argparse
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from valence_gap.cli import parser

ROOT = Path(__file__).parents[2]
CALL = re.compile(
    r"^(?:use rule \w+ as (?P<used>\w+)|rule (?P<rule>\w+))|valence-gap (?P<command>[a-z-]+) ", re.MULTILINE
)


BY_HAND = ("predict", "export", "export-audformat", "preflight", "verify", "fetch-checkpoint")
"""Commands that users call, in the order of their use; a command that no rule calls is one of them, too."""


def callers() -> Mapping[str, list[str]]:
    """Sub-command -> the rules whose shell command calls it."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        rule = ""
        for match in CALL.finditer(path.read_text(encoding="utf-8")):
            rule = match["rule"] or match["used"] or rule
            if match["command"]:
                found[match["command"]].append(rule)
    return found


def commands() -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Name, one line and parser of each sub-command, in the order of the command line's own help."""
    for action in parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            summaries = {one.dest: one.help or "" for one in action._choices_actions}
            for name, sub in action.choices.items():
                yield name, summaries.get(name, ""), sub


def reference() -> str:
    """Markdown: first the commands that users call, then those that rules alone call."""
    called = callers()
    found = {name: _section(name, summary, sub, called.get(name, [])) for name, summary, sub in commands()}
    by_hand = list(dict.fromkeys((*BY_HAND, *(name for name in found if name not in called))))
    parts = ["## Commands that you call", *(found.pop(name) for name in by_hand)]
    parts += ["## Commands that rules call", "You can call these, too; `snakemake --printshellcmds` shows valid calls."]
    return "\n\n".join([*parts, *found.values()])


def _section(name: str, summary: str, sub: argparse.ArgumentParser, rules: list[str]) -> str:
    lines = [f"({name})=", f"### {name}", "", sub.description or summary, ""]
    if rules:
        lines += [f"Called by: {', '.join(f'`{rule}`' for rule in rules)}.", ""]
    lines += ["```text", usage(sub), "```", "", "| option | meaning |", "|---|---|"]
    lines += [f"| {_option(action)} | {_meaning(sub, action)} |" for action in sub._actions if action.dest != "help"]
    return "\n".join(lines)


def usage(sub: argparse.ArgumentParser) -> str:
    """The usage line of a command, with a fixed width and without the terminal's colours."""
    sub.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=100)
    return re.sub(r"\x1b\[[0-9;]*m", "", sub.format_usage()).strip()


def _option(action: argparse.Action) -> str:
    names = action.option_strings or [str(action.metavar or action.dest)]
    value = "" if action.nargs == 0 or not action.option_strings else f" {_value(action)}"
    return f"`{', '.join(names)}{value}`" + (" (required)" if action.required else "")


def _value(action: argparse.Action) -> str:
    if action.metavar:
        return str(action.metavar)
    if action.choices:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper()


def _meaning(sub: argparse.ArgumentParser, action: argparse.Action) -> str:
    text = (action.help or "") % (vars(action) | {"prog": sub.prog})
    return text.replace("|", "\\|").replace("<", "\\<")
