"""Claims of the AAPO paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["aapo"]
