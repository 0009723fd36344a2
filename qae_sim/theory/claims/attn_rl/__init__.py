"""Claims of the AttnRL paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["attn_rl"]
