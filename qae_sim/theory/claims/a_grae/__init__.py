"""Claims of the A-GRAE paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["a_grae"]
