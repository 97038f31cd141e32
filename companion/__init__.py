"""Transfer learning, measured: the package behind the lessons.

The rooms are imported when first named, so that `import companion` costs nothing: device, evidence,
data, models, transfer, experiments, teaching, cli.
"""

import importlib
from types import ModuleType

__version__ = "0.1.0"

_ROOMS = (
    "device",
    "evidence",
    "data",
    "models",
    "transfer",
    "experiments",
    "teaching",
    "cli",
)


def __getattr__(name: str) -> ModuleType:
    """Import a room of the package on first use: `companion.device`, `companion.data`, ..."""
    if name not in _ROOMS:
        raise AttributeError(f"companion has no {name!r}; its rooms are {', '.join(_ROOMS)}")
    return importlib.import_module(f"companion.{name}")


def __dir__() -> list[str]:
    """The names that `companion.<Tab>` offers."""
    return [*_ROOMS, "__version__"]
