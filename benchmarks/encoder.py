"""Compare the project's encoder with that of transformers: training steps, and the time of the imports.

    python benchmarks/encoder.py --backbone resources/miniature/mini-w2v2-L

Both have the same weights and compute the same batches in turn, so that other load on the machine slows both equally.
They use bfloat16 if the hardware supports it. Prints ratios of CPU seconds, and the difference between the states.
Absolute times have no meaning on a shared machine.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import torch
from torch import Tensor
from transformers import AutoModel

from valence_gap.models.encoder_config import EncoderConfig
from valence_gap.models.hidden_states import HiddenStatesFunction, transformer_states, wav2vec2_states
from valence_gap.models.layers.grouped import keep_in_float32
from valence_gap.models.sizes import size_of_source
from valence_gap.models.wav2vec2 import SpeechEncoder
from valence_gap.runtime.precision import autocast, resolve

IMPORTS = {
    "torch": "import torch",
    "ours": "import valence_gap.models.wav2vec2",
    "transformers": "from transformers import HubertModel, Wav2Vec2Model",
}
CPU = torch.device("cpu")


def main() -> None:
    """Time both and print their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", type=Path, required=True, help="wav2vec 2.0 or HuBERT in Hugging Face format")
    parser.add_argument("--batches", type=int, default=30, help="number of batches of utterances of 1 to 5 s")
    parser.add_argument("--batch-size", type=int, default=8, help="utterances in a batch")
    parser.add_argument("--imports", type=int, default=5, help="number of imports of each")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    theirs = AutoModel.from_pretrained(args.backbone, dtype=torch.float32)
    keep_in_float32(theirs)  # its bfloat16 is wrong on some CPUs
    ours = SpeechEncoder(EncoderConfig.model_validate(json.loads((args.backbone / "config.json").read_text())))
    second = int(size_of_source(None, args.backbone).frames_per_s)
    ours.load_state_dict(theirs.state_dict())
    encoders = {"ours": (ours.train(), wav2vec2_states), "transformers": (theirs.train(), transformer_states)}
    spent = {"ours": 0.0, "transformers": 0.0}
    difference = 0.0
    for turn in range(args.batches + 2):
        lengths = torch.randint(second, 5 * second, (args.batch_size,))
        features = torch.randn(args.batch_size, int(lengths.max()), ours.config.conv_dim[-1])
        found = {}
        for kind, (encoder, states) in encoders.items():
            started = time.process_time()
            found[kind] = step(encoder, states, features, lengths)
            spent[kind] += (time.process_time() - started) if turn >= 2 else 0.0  # the first turns prepare kernels
        apart = (found["ours"] - found["transformers"]).norm() / found["transformers"].norm()
        difference = max(difference, float(apart))
    print(f"transformers' encoder takes {spent['transformers'] / spent['ours']:.2f} times as long as ours")
    print(f"in {resolve('auto', CPU)}; states differ by at most {100 * difference:.2f} % of their norm")
    print_imports(args.imports)


def step(encoder: torch.nn.Module, states: HiddenStatesFunction, features: Tensor, lengths: Tensor) -> Tensor:
    """Run one batch forward and backward; return its valid states."""
    encoder.zero_grad()
    with autocast(resolve("auto", CPU), CPU):
        found, valid = states(encoder, features, lengths)
    found[valid].float().square().mean().backward()
    return found[valid].detach().float()


def print_imports(times: int) -> None:
    """Print the CPU seconds of each import, in separate processes that take turns."""
    spent: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for _ in range(times):
        for name, code in IMPORTS.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-c", code], check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent[name].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    imports_text = ", ".join(f"{name} {median(values):.1f}" for name, values in spent.items())
    print(f"median CPU seconds of a process with this import: {imports_text}")
    print(f"transformers takes {median(spent['transformers']) / median(spent['ours']):.2f} times as long as ours")


if __name__ == "__main__":
    main()
