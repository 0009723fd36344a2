"""Claims of the paper on Reg-GRPO (DeepVideo-R1)."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["reg_grpo"]
