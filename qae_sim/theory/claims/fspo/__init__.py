"""Claims of the FSPO paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["fspo"]
