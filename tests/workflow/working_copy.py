"""A working copy of the workflow, in which a test runs Snakemake."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CONFIGURATIONS = ("tiny.yaml", "everything.yaml")
ENVIRONMENT = os.environ | {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
}


@dataclass(frozen=True)
class Workflow:
    """A copy of the workflow that a test may change.

    Attributes:
        root: the folder of the copy.
        own_sources: run the source code of the copy instead of the installed code.
    """

    root: Path

    own_sources: bool = False

    @property
    def environment(self) -> dict[str, str]:
        """Environment of Snakemake and its jobs, which run the installed code or that of the copy."""
        return ENVIRONMENT | ({"PYTHONPATH": str(self.root / "src")} if self.own_sources else {})

    def snakemake(self, *arguments: str, configfiles: tuple[str, ...] = ("tiny.yaml",), check: bool = True) -> str:
        """Run Snakemake in the copy, by default on the tiny study, and return its whole output."""
        command = [sys.executable, "-m", "snakemake", *arguments, "--cores", "2", "--configfile", *configfiles]
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert done.returncode == 0 or not check, done.stdout
        return done.stdout

    def copy(self, destination: Path) -> "Workflow":
        """Copy the workflow and everything that it has made, with the times of all files."""
        shutil.copytree(self.root, destination, symlinks=True)
        return Workflow(destination)

    def configure(self, **changes: object) -> None:
        """Change the tiny study: mappings are merged key by key, all other values are replaced."""
        path = self.root / "tiny.yaml"
        path.write_text(yaml.safe_dump(merged(yaml.safe_load(path.read_text()), changes)))

    def logs(self) -> list[Path]:
        """Snakemake's own logs, the oldest first."""
        return sorted((self.root / ".snakemake/log").glob("*.snakemake.log"))

    def planned(self, *arguments: str, configfiles: tuple[str, ...] = ("tiny.yaml",)) -> dict[str, int]:
        """Return the jobs that a run would start: rule -> count."""
        return self.ran("--dry-run", *arguments, configfiles=configfiles)

    def ran(self, *arguments: str, configfiles: tuple[str, ...] = ("tiny.yaml",)) -> dict[str, int]:
        """Run Snakemake and return the jobs that it starts: rule -> count."""
        before = self.logs()
        output = self.snakemake(*arguments, configfiles=configfiles)
        if "--dry-run" not in arguments:
            # The first log is that of the run: a run that reads labels again starts another one within itself.
            output = next(path for path in self.logs() if path not in before).read_text()
        table = output.partition("Job stats:")[2].partition("\ntotal ")[0]
        return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, flags=re.MULTILINE)}


def merged(config: Any, changes: Any) -> Any:
    if not (isinstance(config, dict) and isinstance(changes, dict)):
        return changes
    return config | {key: merged(config.get(key), value) for key, value in changes.items()}


def copy_workflow(destination: Path) -> Workflow:
    """Copy what a run needs: the workflow, the sources that figures use as inputs, the shipped backbones."""
    for name in ("Snakefile", "config.yaml"):
        shutil.copy2(ROOT / name, destination / name)
    for name in ("workflow", "profiles", "envs", "src", "resources/miniature"):
        shutil.copytree(ROOT / name, destination / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in CONFIGURATIONS:
        shutil.copy2(Path(__file__).parent / name, destination / name)
    return Workflow(destination)
