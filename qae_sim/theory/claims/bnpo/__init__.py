"""Claims of the BNPO paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["bnpo"]
