"""Claims of the KTAE paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["ktae"]
