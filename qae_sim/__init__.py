"""Understand, check and use advantage estimation in reinforcement learning with verifiable rewards (RLVR).

The rooms, from the ground up:

* ``qae_sim.arrays``: which array library is this, checks of input, random streams;
* ``qae_sim.softmax``: the exact entropy calculus of a softmax policy;
* ``qae_sim.advantages``: rewards in, advantages out, one pure function per estimator;
* ``qae_sim.bandits``: simulated softmax bandits, many at once;
* ``qae_sim.theory``: the papers' claims, each with a check that can be run;
* ``qae_sim.lm``: toy language models that learn by RLVR, and what training does to the papers' claims;
* ``qae_sim.engines``: the same advantages inside real trainers.

Importing ``qae_sim`` loads none of the heavy libraries; each loads when a function first needs it.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_ROOMS = ("advantages", "arrays", "bandits", "engines", "lm", "softmax", "theory")


def __getattr__(name: str) -> Any:
    """Load a room when it is first asked for."""
    if name in _ROOMS:
        return import_module(f"qae_sim.{name}")
    raise AttributeError(f"module 'qae_sim' has no attribute {name!r}; it has {', '.join(_ROOMS)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOMS})
