"""Has Rasa start without TensorFlow, which took half of its start and of its memory and computes nothing here.

Rasa 3.6 imports it to derive three classes for training from its own. Empty classes do in a server whose pipeline has
no neural network of Rasa's; anything else asked of it is refused with a remedy. Call it before Rasa is imported.
"""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# What Rasa derives its classes from, by module.
BASES = {"tensorflow.keras.callbacks": "Callback", "tensorflow.keras.utils": "Sequence"}


class LeftOut(ModuleType):
    """Stands where TensorFlow or a part of it would be."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__spec__ = ModuleSpec(name, None)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"{self.__name__}.{name}: this server runs without TensorFlow (bot/server/without_tensorflow.py); "
            "start it by `python -m rasa run` where a component of config.yml needs it"
        )


def leave_out_tensorflow() -> None:
    """Put the stand-ins where Python looks for modules, unless TensorFlow is loaded already."""
    if "tensorflow" in sys.modules:
        return
    for module, base in BASES.items():
        stand_in(module).__dict__[base] = type(base, (), {})


def stand_in(name: str) -> ModuleType:
    """Return the stand-in of a module; the modules that hold it get theirs, too."""
    if name not in sys.modules:
        sys.modules[name] = LeftOut(name)
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(stand_in(parent), child, sys.modules[name])
    return sys.modules[name]
