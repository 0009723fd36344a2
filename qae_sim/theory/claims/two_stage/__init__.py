"""Claims of the paper on a two-stage view of training (GRPO-N)."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["grpo_n"]
