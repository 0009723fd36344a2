"""Claims of the shrinkage-baseline paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["james_stein"]
