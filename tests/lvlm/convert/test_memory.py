"""Converting takes the memory of a file and a tensor, not that of the model; measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import save_file  # noqa: E402

from made_checkpoints import original_config, original_shapes, save_original  # noqa: E402

MIB = 1 << 20
WIDE, INNER, FILES = 1024, 8192, 8
SIZES = {"hidden_size": WIDE, "intermediate_size": INNER, "num_hidden_layers": 8}
CONVERT = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from sharegpt4video.lvlm.convert import convert

folder = Path(sys.argv[1])
convert(folder / "small", folder / "small converted")  # brings in all that is imported
def kib(line):
    return next(int(words.split()[1]) for words in Path("/proc/self/status").read_text().splitlines() if line in words)
Path("/proc/self/clear_refs").write_text("5")  # the kernel's own record of the peak begins anew
before = kib("VmRSS")
convert(folder / "large", folder / "large converted", shard_bytes=64 << 20)
print(1024 * (kib("VmHWM") - before))
"""


def save_large(folder: Path) -> None:
    """Some 450 MiB in several files; every weight is a piece of the same numbers, so making it takes little."""
    save_original(folder, {"lm_head.weight": torch.ones(1)}, rows=2000, **SIZES)
    (folder / "model.safetensors").unlink()
    numbers = torch.ones(WIDE * INNER, dtype=torch.bfloat16)
    shapes = original_shapes(original_config(2000, **SIZES))
    names, places = list(shapes), {}
    for number in range(FILES):
        part = names[number * len(names) // FILES : (number + 1) * len(names) // FILES]
        file = f"model-{number + 1:05d}-of-{FILES:05d}.safetensors"
        tensors = {name: numbers[: torch.Size(shapes[name]).numel()].reshape(shapes[name]).clone() for name in part}
        save_file(tensors, folder / file)
        places |= dict.fromkeys(part, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))


@pytest.mark.skipif(sys.platform != "linux", reason="the record of a peak that can begin anew is Linux's")
def test_memory_is_bounded_by_a_file_and_a_tensor(tmp_path: Path) -> None:
    save_original(tmp_path / "small")
    save_large(tmp_path / "large")
    done = subprocess.run([sys.executable, "-c", CONVERT, str(tmp_path)], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    grown = int(done.stdout)
    assert grown > 0
    sizes = [path.stat().st_size for path in (tmp_path / "large").glob("*.safetensors")]
    assert sum(sizes) > 400 * MIB
    assert len(list((tmp_path / "large converted").glob("*.safetensors"))) >= FILES
    bound = max(sizes) + 2 * (2 * WIDE * INNER) + 48 * MIB
    assert grown < bound, f"{grown / MIB:.0f} MiB of {sum(sizes) / MIB:.0f}, largest file {max(sizes) / MIB:.0f}"
    print(f"\nconverting {sum(sizes) / MIB:.0f} MiB grew by {grown / MIB:.0f} MiB")  # noqa: T201
