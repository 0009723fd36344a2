"""Claims of the VERL paper on hidden states."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["verl_rank"]
