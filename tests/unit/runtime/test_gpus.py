import errno
import fcntl
import os
import re
import shutil
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from valence_gap import cli
from valence_gap.runtime import gpus, precision
from valence_gap.runtime.errors import UserError

ROOT = Path(__file__).parents[3]
RULES = ROOT / "workflow" / "rules"


def test_gpus_have_the_same_names_as_in_cuda():
    assert gpus.requested_gpus({}) == []
    assert gpus.requested_gpus({"VALENCE_GAP_GPUS": " "}) == []
    assert gpus.requested_gpus({"VALENCE_GAP_GPUS": "0, 2,GPU-5f3a"}) == ["0", "2", "GPU-5f3a"]
    assert gpus.requested_gpus({"VALENCE_GAP_GPUS": "0,0"}) == ["0", "0"]  # shared by two jobs


@pytest.mark.parametrize(
    ("system", "processor", "unused"),
    [("darwin", "arm64", True), ("darwin", "x86_64", False), ("linux", "arm64", False)],
)
def test_a_user_of_a_mac_sees_once_that_its_gpu_is_not_used(monkeypatch, capsys, system, processor, unused):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(gpus.platform, "machine", lambda: processor)
    monkeypatch.setattr(precision.gpu_check, "problem", lambda: "PyTorch finds no GPU")
    monkeypatch.setattr(precision, "has_gpu", lambda: False)
    precision._report_unused_gpu.cache_clear()
    devices = [precision.device(), precision.device()]
    precision._report_unused_gpu.cache_clear()
    assert [each.type for each in devices] == ["cpu", "cpu"]
    assert capsys.readouterr().err.count("Apple's GPU (MPS) is not used") == unused


@pytest.mark.parametrize("text", ["0,,1", ",0", ","])
def test_a_wrong_list_is_refused(text):
    with pytest.raises(UserError, match="VALENCE_GAP_GPUS"):
        gpus.requested_gpus({"VALENCE_GAP_GPUS": text})


def test_without_gpus_nothing_is_claimed_or_changed(tmp_path, monkeypatch):
    monkeypatch.delenv("VALENCE_GAP_GPUS", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    with gpus.acquire_gpu(locks=tmp_path / "locks") as gpu:
        assert gpu is None
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "7"
    assert not (tmp_path / "locks").exists()


@pytest.mark.parametrize("count", [1, 2, 5])
def test_simultaneous_holders_get_different_gpus(tmp_path, count):
    names = [str(index) for index in range(count)]
    with ExitStack() as held:
        claimed = [held.enter_context(gpus.acquire_gpu(names, tmp_path)) for _ in names]
        assert claimed == names
    with gpus.acquire_gpu(names, tmp_path) as gpu:
        assert gpu == "0"


def test_only_the_claimed_gpu_is_visible_in_the_block_and_the_environment_is_restored(tmp_path, monkeypatch):
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.delenv(name, raising=False)
    with gpus.acquire_gpu(["3"], tmp_path):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "3"
        assert os.environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"  # the numbers of nvidia-smi
    assert not {"CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"} & set(os.environ)
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    with gpus.acquire_gpu(["3"], tmp_path):
        assert os.environ["CUDA_DEVICE_ORDER"] == "FASTEST_FIRST"


def test_nothing_is_claimed_if_the_cpu_is_required(tmp_path, monkeypatch):
    monkeypatch.setenv("VALENCE_GAP_DEVICE", "cpu")
    with gpus.acquire_gpu(["0"], tmp_path), gpus.acquire_gpu(["0"], tmp_path) as gpu:
        assert gpu is None


class Waits(Exception):  # noqa: N818
    pass


@pytest.fixture
def waits(monkeypatch):
    """Raise where a process would wait for a GPU."""

    def stop(_: float) -> None:
        raise Waits

    monkeypatch.setattr(gpus.time, "sleep", stop)


def test_short_jobs_share_a_gpu_that_is_named_several_times(tmp_path, waits):
    names = ["0", "0", "1", "1"]
    with ExitStack() as held:
        claimed = [held.enter_context(gpus.acquire_gpu(names, tmp_path, whole=False)) for _ in names]
        assert claimed == ["0", "1", "0", "1"]  # first the GPUs that are idle
        with pytest.raises(Waits), gpus.acquire_gpu(names, tmp_path, whole=False):
            pass


def test_a_training_shares_its_gpu_with_no_other_job(tmp_path, waits):
    names = ["0", "0", "1", "1"]
    with gpus.acquire_gpu(names, tmp_path, whole=False) as short, gpus.acquire_gpu(names, tmp_path) as training:
        assert (short, training) == ("0", "1")
        with gpus.acquire_gpu(names, tmp_path, whole=False) as other:
            assert other == "0"
            with pytest.raises(Waits), gpus.acquire_gpu(names, tmp_path, whole=False):
                pass
        with pytest.raises(Waits), gpus.acquire_gpu(names, tmp_path):
            pass
    with gpus.acquire_gpu(names, tmp_path) as gpu:
        assert gpu == "0"


def test_no_short_job_begins_before_a_training_that_waits(tmp_path, monkeypatch):
    """Otherwise a stream of short jobs could keep a training waiting for ever."""
    names = ["0", "0"]
    held = gpus.acquire_gpu(names, tmp_path, whole=False)
    held.__enter__()
    refused = []

    def meanwhile(_: float) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(gpus.time, "sleep", lambda _: (_ for _ in ()).throw(Waits))
            try:
                with gpus.acquire_gpu(names, tmp_path, whole=False):
                    pass
            except Waits:
                refused.append(True)
        held.__exit__(None, None, None)

    monkeypatch.setattr(gpus.time, "sleep", meanwhile)
    with gpus.acquire_gpu(names, tmp_path) as gpu:
        assert (gpu, refused) == ("0", [True])


def test_the_user_of_several_gpus_sees_that_one_is_used(tmp_path):
    (tmp_path / "nvidia0").touch()
    assert gpus.idle_gpus(tmp_path, {}) == ""
    for name in ("nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert gpus.idle_gpus(tmp_path, {}).startswith(
        "There are 2 GPUs, and only one is used. For all: VALENCE_GAP_GPUS=0,1 "
    )
    assert "VALENCE_GAP_GPUS=4,7,9 " in gpus.idle_gpus(tmp_path, {"CUDA_VISIBLE_DEVICES": "4,7,9"})
    for chosen in ({"VALENCE_GAP_GPUS": "0"}, {"CUDA_VISIBLE_DEVICES": "1"}, {"VALENCE_GAP_DEVICE": "cpu"}):
        assert gpus.idle_gpus(tmp_path, chosen) == ""


def test_a_run_prints_what_is_idle():
    text = (RULES / "preflight.smk").read_text()
    assert re.search(r"idle_gpus\(\) if workflow\.local_exec", text)


def test_a_gpu_is_free_again_after_an_error(tmp_path):
    with pytest.raises(RuntimeError), gpus.acquire_gpu(["0"], tmp_path):
        raise RuntimeError
    with gpus.acquire_gpu(["0"], tmp_path) as gpu:
        assert gpu == "0"


def test_a_process_waits_until_a_gpu_is_free(tmp_path, monkeypatch):
    held = gpus.acquire_gpu(["0"], tmp_path)
    held.__enter__()
    monkeypatch.setattr(gpus, "ASK_EVERY_S", 0.01)
    claimed = []

    def wait() -> None:
        with gpus.acquire_gpu(["0"], tmp_path) as gpu:
            claimed.append(gpu)

    waiting = threading.Thread(target=wait)
    waiting.start()
    waiting.join(0.2)
    assert claimed == []
    held.__exit__(None, None, None)
    waiting.join(10)
    assert claimed == ["0"]


def test_the_gpu_of_a_killed_process_is_free_again(tmp_path):
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom valence_gap.runtime.gpus import acquire_gpu\n"
        "with acquire_gpu(['0', '1'], Path(sys.argv[1])) as gpu:\n    print(gpu, flush=True)\n    time.sleep(600)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "0\n"
        with gpus.acquire_gpu(["0", "1"], tmp_path) as gpu:
            assert gpu == "1"
    finally:
        holder.kill()
        holder.communicate()
    with gpus.acquire_gpu(["0", "1"], tmp_path) as gpu:
        assert gpu == "0"


def test_jobs_that_snakemake_runs_at_once_get_different_gpus(tmp_path, monkeypatch):
    """Two of three jobs end only when both hold a GPU; the third one has to wait for a free GPU."""
    (tmp_path / "hold.py").write_text(
        "import sys, time\nfrom pathlib import Path\nfrom valence_gap.runtime.gpus import acquire_gpu\n"
        "with acquire_gpu(locks=Path('locks')) as gpu:\n"
        "    Path(sys.argv[1]).with_suffix('.held').touch()\n"
        "    while len(list(Path('.').glob('*.held'))) < 2:\n        time.sleep(0.05)\n"
        "Path(sys.argv[1]).write_text(gpu)\n"
    )
    (tmp_path / "Snakefile").write_text(
        "rule all:\n    input: 'a', 'b', 'c'\n"
        "rule hold:\n    output: '{name,[abc]}'\n    resources: gpu=1\n"
        f"    shell: '{sys.executable} hold.py {{output}}'\n"
    )
    shutil.copytree(ROOT / "profiles" / "workstation", tmp_path / "profiles" / "workstation")
    monkeypatch.setenv("VALENCE_GAP_GPUS", "4,7")
    options = ("--cores", "3", "--workflow-profile", "profiles/workstation")
    subprocess.run([sys.executable, "-m", "snakemake", *options], cwd=tmp_path, check=True, timeout=300)
    got = [(tmp_path / name).read_text() for name in "abc"]
    assert set(got) == {"4", "7"}


def test_the_commands_that_claim_a_gpu_are_those_of_the_rules_with_a_gpu():
    blocks = [block for path in RULES.glob("*.smk") for block in re.split(r"^rule ", path.read_text(), flags=re.M)]
    with_gpu = {name for block in blocks if "gpu=1" in block for name in re.findall(r"valence-gap ([\w-]+)", block)}
    assert with_gpu == gpus.GPU_COMMANDS


@pytest.mark.parametrize(("command", "expected"), [("train", "4"), ("score", None)])
def test_the_command_line_claims_a_gpu_only_for_these_commands(monkeypatch, tmp_path, command, expected):
    seen = []

    def run(_: object) -> None:
        seen.append(os.environ.get("CUDA_VISIBLE_DEVICES"))

    class Parser:
        def parse_args(self, arguments):
            return SimpleNamespace(command=command, run=run)

    monkeypatch.setattr(cli, "parser", Parser)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(precision.gpu_check, "problem", lambda: "")
    monkeypatch.setenv("VALENCE_GAP_GPUS", "4")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert cli.main([command]) == 0
    assert seen == [expected]


@pytest.mark.parametrize(("command", "whole"), [("train", True), ("pretrain", True), ("predict-conditions", False)])
def test_only_trainings_have_a_whole_gpu(monkeypatch, command, whole):
    asked = []

    @contextmanager
    def acquire(*, whole):
        asked.append(whole)
        yield None

    monkeypatch.setattr(
        cli,
        "parser",
        lambda: SimpleNamespace(parse_args=lambda _: SimpleNamespace(command=command, run=lambda _: None)),
    )
    monkeypatch.setattr(cli, "acquire_gpu", acquire)
    assert cli.main([command]) == 0
    assert asked == [whole]


def test_a_command_whose_gpu_cannot_be_used_stops_before_its_work(monkeypatch, capsys):
    worked = []
    parsed = SimpleNamespace(command="train", run=worked.append)
    monkeypatch.setattr(cli, "parser", lambda: SimpleNamespace(parse_args=lambda _: parsed))
    monkeypatch.setattr(precision.gpu_check, "problem", lambda: "the driver is too old")
    monkeypatch.delenv("VALENCE_GAP_DEVICE", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    assert cli.main(["train"]) == 2
    assert worked == []
    shown = capsys.readouterr().err
    assert shown.startswith("error: this job was given a GPU that PyTorch cannot use")
    assert "given by CUDA_VISIBLE_DEVICES=2" in shown
    monkeypatch.setenv("VALENCE_GAP_DEVICE", "cpu")
    assert cli.main(["train"]) == 0
    assert worked == [parsed]


def test_a_folder_without_locks_is_named(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(UserError, match=re.escape(str(tmp_path))) as refused, gpus.acquire_gpu(["0"], tmp_path):
        pass
    assert "TMPDIR" in refused.value.remedy


def test_a_gpu_is_seen_by_its_device_file(tmp_path: Path) -> None:
    def seen(**environment: str) -> bool:
        return gpus.has_gpu(tmp_path, tmp_path / "wsl", environment)

    assert not seen()
    (tmp_path / "nvidiactl").touch()  # the driver alone
    assert not seen()
    for name in ("nvidia0", "kfd"):
        (tmp_path / name).touch()
        assert seen()
        assert not seen(VALENCE_GAP_DEVICE="cpu")
        (tmp_path / name).unlink()


def test_a_gpu_is_seen_in_wsl_where_windows_gives_its_driver(tmp_path: Path) -> None:
    (tmp_path / "dxg").touch()  # there for every kind of GPU
    assert not gpus.has_gpu(tmp_path, tmp_path / "wsl", {})
    (tmp_path / "wsl").mkdir()
    (tmp_path / "wsl/libcuda.so.1").touch()
    assert gpus.has_gpu(tmp_path, tmp_path / "wsl", {})


def test_the_default_profile_runs_one_job_at_a_time_on_the_gpu_that_is_seen() -> None:
    text = (ROOT / "profiles/default/profile.yaml").read_text()
    for found in (True, False):
        line = next(line for line in text.splitlines() if "gpu={" in line)
        assert eval(line.partition("?")[2], {"has_gpu": lambda found=found: found}) == f"gpu={int(found)}"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ""),
        ({"CUDA_VISIBLE_DEVICES": ""}, ""),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, ""),
        ({"CUDA_VISIBLE_DEVICES": "NoDevFiles"}, ""),
        ({"CUDA_VISIBLE_DEVICES": "0"}, "CUDA_VISIBLE_DEVICES=0"),
        ({"SLURM_JOB_GPUS": "3", "PATH": "/bin"}, "SLURM_JOB_GPUS=3"),
        ({"ROCR_VISIBLE_DEVICES": "1"}, "ROCR_VISIBLE_DEVICES=1"),
        ({"VALENCE_GAP_GPUS": "0,1", "CUDA_VISIBLE_DEVICES": "1"}, "VALENCE_GAP_GPUS=0,1"),
    ],
)
def test_the_variable_that_gave_a_gpu_is_named(environment: dict[str, str], expected: str) -> None:
    assert gpus.given_gpu(environment) == expected


def test_another_device_than_the_cpu_cannot_be_required() -> None:
    assert gpus.is_cpu_required({"VALENCE_GAP_DEVICE": " CPU "})
    assert not gpus.is_cpu_required({})
    with pytest.raises(UserError, match="VALENCE_GAP_DEVICE"):
        gpus.is_cpu_required({"VALENCE_GAP_DEVICE": "gpu"})
