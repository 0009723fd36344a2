"""Claims of the CANON paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["canon"]
