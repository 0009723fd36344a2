"""Claims of the sign advantage paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["sign"]
