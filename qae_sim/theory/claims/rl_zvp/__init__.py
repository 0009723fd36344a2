"""Claims of the RL-ZVP paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["rl_zvp"]
