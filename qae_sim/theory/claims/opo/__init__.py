"""Claims of the OPO paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["opo"]
