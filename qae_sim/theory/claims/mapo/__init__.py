"""Claims of the MAPO paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["mapo"]
