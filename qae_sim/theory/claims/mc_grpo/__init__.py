"""Claims of the MC-GRPO paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["mc_grpo"]
