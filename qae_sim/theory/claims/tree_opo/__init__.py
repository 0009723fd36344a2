"""Claims of the Tree-OPO paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["tree_opo"]
