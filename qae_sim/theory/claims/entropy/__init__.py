"""Claims of the paper on the entropy mechanism."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["entropy"]
