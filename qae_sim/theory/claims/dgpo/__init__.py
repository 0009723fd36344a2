"""Claims of the DGPO paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["dgpo"]
