"""Simulated softmax bandits, many at once, under any estimator.

A :class:`Study` says what is learned and how, :func:`simulate` runs it, a :class:`Result` holds what was recorded,
and :func:`sweep` does this for a grid of studies.
"""

from qae_sim.bandits.problems import Bandit, SequenceBandit
from qae_sim.bandits.results import Result
from qae_sim.bandits.simulate import simulate
from qae_sim.bandits.study import RECORDS, SGD, Adam, Clip, Momentum, Study
from qae_sim.bandits.sweep import Sweep, grid, sweep

__all__ = [
    "RECORDS",
    "SGD",
    "Adam",
    "Bandit",
    "Clip",
    "Momentum",
    "Result",
    "SequenceBandit",
    "Study",
    "Sweep",
    "grid",
    "simulate",
    "sweep",
]
