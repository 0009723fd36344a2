"""Claims of the Lite PPO paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["lite_ppo"]
