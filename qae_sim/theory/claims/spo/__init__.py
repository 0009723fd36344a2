"""Claims of the SPO paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["spo"]
