"""Claims of the MaxRL paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["maxrl"]
