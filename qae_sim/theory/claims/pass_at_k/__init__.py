"""Claims of the paper on pass@k advantages (verl's grpo_passk)."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["grpo_passk"]
