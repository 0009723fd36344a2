"""Toy language models that learn from verifiable rewards, in minutes on a CPU.

* ``Config``: everything that defines a run; ``qae_sim.lm.train.train`` trains it into a folder (needs PyTorch);
* ``read_run`` and ``Record``: what was measured, readable without PyTorch;
* ``STUDIES``, ``judge`` and ``recorded``: the papers' claims about training, and the runs that come with the package.

>>> from qae_sim.advantages import AdvantageRule
>>> Config("style", rule=AdvantageRule("qae", {"k": 0.4})).problem.response_length
18
"""

from qae_sim.lm.config import Config
from qae_sim.lm.runs import METRICS, Record, read_run
from qae_sim.lm.studies import STUDIES, judge, recorded

__all__ = ["METRICS", "STUDIES", "Config", "Record", "judge", "read_run", "recorded"]
