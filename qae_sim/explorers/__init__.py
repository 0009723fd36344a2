"""The interactive objects that the lessons show: state, model, controls and picture in one.

Each explorer starts from its defaults or from a text, ``QuantileGate.from_state("k=.4&g=16&c=3")``, and gives that
text back with ``permalink()``.
"""

from qae_sim.explorers.quantile_gate import GateState, QuantileGate

__all__ = ["GateState", "QuantileGate"]
