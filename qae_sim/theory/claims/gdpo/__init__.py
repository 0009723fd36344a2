"""Claims of the GDPO paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["gdpo"]
