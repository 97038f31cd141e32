"""What this machine has: accelerator, number format, threads, seeds, peak memory, timers."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import torch

# bf16 has to be clearly faster before it replaces fp32: a tie is not worth eight bits of mantissa.
BF16_MUST_GAIN = 1.3


@dataclass(frozen=True)
class Machine:
    """The computer as training sees it; memory in bytes."""

    accelerator: str  # "cuda", "mps" or "cpu"
    name: str
    cores: int
    threads: int
    memory_bytes: int
    training_precision: str  # "no" (fp32), "fp16" or "bf16"


@dataclass(frozen=True)
class Format:
    """How a frozen network runs here: its memory layout and its number format."""

    channels_last: bool = False
    dtype: torch.dtype = torch.float32


def default_device() -> torch.device:
    """Return the device that training uses unless it is told otherwise."""
    if torch.cuda.is_available():
        own = os.environ.get("LOCAL_RANK")  # of several processes, each has a GPU of its own
        return torch.device("cuda", int(own)) if own else torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def training_precision(device: torch.device) -> str:
    """Return the mixed precision to train in on `device`: "no", "fp16" or "bf16".

    A GPU below compute capability 8.0 emulates bf16 and still reports that it supports it,
    so the capability decides and not `torch.cuda.is_bf16_supported()`.
    """
    if device.type != "cuda":
        return "no"
    return "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp16"


def this_machine() -> Machine:
    """Describe this computer: accelerator, cores, threads, memory and training precision."""
    device = default_device()
    gpu = device.type == "cuda"
    return Machine(
        accelerator=device.type,
        name=torch.cuda.get_device_name(device) if gpu else processor_name(),
        cores=len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        memory_bytes=psutil.virtual_memory().total,
        training_precision=training_precision(device),
    )


def processor_name() -> str:
    """Return the processor's name, with a short hash of its instruction sets where they are known.

    Virtual machines give one name to processors with and without bf16, so the name is not enough.
    """
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor() or platform.machine()
    lines = [line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line]
    facts = {name.strip(): value.strip() for name, value in reversed(lines)}
    flags = hashlib.sha256(facts.get("flags", facts.get("Features", "")).encode()).hexdigest()[:6]
    return f"{facts.get('model name', platform.machine())} ({flags})"


def step_seed(seed: int, step: int, rank: int = 0) -> int:
    """Return the seed of one training step, a fixed function of the run's seed and the step.

    Each step starts from its own seed, so a resumed run needs no saved random state. Processes
    that share a batch differ in `rank`, or their dropout would drop the same.
    """
    mask = (1 << 64) - 1
    z = seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + rank * 0xD1342543DE82EF95
    z = (z + 0x94D049BB133111EB) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return (z ^ (z >> 31)) >> 1  # torch takes seeds below 2**63


def reseed(seed: int, device: torch.device) -> None:
    """Seed what training on `device` draws from.

    As `torch.manual_seed`, without its search through the accelerators that are not there, which
    takes as long as a step of a small head.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def peak_memory_bytes() -> int:
    """Return the most main memory this process has held so far, in bytes."""
    try:
        import resource
    except ImportError:  # Windows keeps it elsewhere
        return psutil.Process().memory_info().peak_wset
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def synchronise(device: torch.device) -> None:
    """Wait until `device` has finished what it was given, so that a timer tells the truth."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


@contextmanager
def stopwatch(device: torch.device | None = None) -> Iterator[Callable[[], float]]:
    """Yield a function that returns the seconds passed; it stops when the block ends."""
    device = device or torch.device("cpu")
    synchronise(device)
    start, end = time.perf_counter(), None
    yield lambda: (time.perf_counter() if end is None else end) - start
    synchronise(device)
    end = time.perf_counter()


def seconds_of(call: Callable[[], object], device: torch.device, worse_than: float = 0.0) -> float:
    """Return how long `call` takes, in seconds: the fastest of three.

    If the first is beyond `worse_than` (0 for no limit), that one is returned: it cannot win.
    """
    times: list[float] = []
    while len(times) < 3 and not (times and worse_than and times[0] > worse_than):
        with stopwatch(device) as seconds:
            call()
        times.append(seconds())
    return min(times)


def fastest_format(
    module: torch.nn.Module,
    pictures: torch.Tensor,
    *,
    memo: Path | None = None,
    key: str = "",
    keep: bool = True,
) -> Format:
    """Return the layout and number format in which a frozen picture network runs fastest here.

    `module` is in eval mode; `pictures` is a small batch (B, C, H, W) on its device. The choice is
    timed once and kept in the JSON file `memo` under `key` and this machine's name, so that later
    runs agree; without `keep` the file is only read.
    bf16 on a CPU is chosen only where it is at least 1.3 times faster than fp32.
    """
    device = pictures.device
    if device.type == "cuda":  # tensor cores want both; the capability decides the format
        fp16 = training_precision(device) == "fp16"
        return Format(True, torch.float16 if fp16 else torch.bfloat16)
    if device.type == "mps":
        return Format()
    key = f"{key}|{processor_name()}|{torch.__version__}|{torch.get_num_threads()} threads"
    known = json.loads(memo.read_text()) if memo and memo.exists() else {}
    if key not in known:
        known[key] = _timed_choice(module, pictures)
        if memo and keep:
            with suppress(OSError):  # a cache that may only be read: time it again next time
                _write_json(memo, known)
    return Format(known[key]["channels_last"], getattr(torch, known[key]["dtype"]))


def _timed_choice(module: torch.nn.Module, pictures: torch.Tensor) -> dict:
    """Time the four combinations and return the choice with its timings in seconds."""
    times: dict[str, dict[bool, float]] = {"float32": {}, "bfloat16": {}}
    for dtype, channels_last in itertools.product(times, (True, False)):
        layout = torch.channels_last if channels_last else torch.contiguous_format
        module.to(memory_format=layout)
        call = partial(_run, module, pictures.to(memory_format=layout), dtype)
        # Where a processor lacks bf16 it is emulated, ten times slower: one call shows it.
        limit = 3 * min(times["float32"].values(), default=0.0)
        times[dtype][channels_last] = seconds_of(call, pictures.device, limit)
    gain = min(times["float32"].values()) / min(times["bfloat16"].values())
    dtype = "bfloat16" if gain >= BF16_MUST_GAIN else "float32"
    layout_gains = times[dtype][True] <= times[dtype][False]
    return {"channels_last": layout_gains, "dtype": dtype, "seconds": str(times)}


def _run(module: torch.nn.Module, x: torch.Tensor, dtype: str) -> torch.Tensor:
    enabled = dtype != "float32"
    with torch.no_grad(), torch.autocast(x.device.type, torch.bfloat16, enabled=enabled):
        return module(x)


def _write_json(path: Path, content: dict) -> None:
    """Replace a small file in one move, so that a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(content, indent=1))
    os.replace(temporary, path)
