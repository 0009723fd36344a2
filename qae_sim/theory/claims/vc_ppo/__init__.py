"""Claims of the VC-PPO paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["vc_ppo"]
