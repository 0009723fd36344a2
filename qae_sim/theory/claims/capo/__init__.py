"""Claims of the CAPO paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["capo"]
