"""Tasks with exact verifiers: small languages in which a response is correct or wrong.

>>> from qae_sim.lm.tasks import Addition
>>> task = Addition(digits=1)
>>> prompts = task.problems(3, seed=0)
>>> [task.text(prompt) for prompt in prompts][0]
'0 + 6 ='
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from qae_sim.lm.tasks.addition import Addition
from qae_sim.lm.tasks.base import END, PAD, Task
from qae_sim.lm.tasks.countdown import Countdown
from qae_sim.lm.tasks.paths import Paths
from qae_sim.lm.tasks.style import StyleAnswer

#: All tasks by name.
TASKS: Mapping[str, type[Task]] = MappingProxyType(
    {kind.name: kind for kind in (Addition, Countdown, Paths, StyleAnswer)}
)

__all__ = ["END", "PAD", "TASKS", "Addition", "Countdown", "Paths", "StyleAnswer", "Task"]
