"""Claims of the RLEV paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["rlev"]
