"""Claims of the GTPO paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["gtpo"]
