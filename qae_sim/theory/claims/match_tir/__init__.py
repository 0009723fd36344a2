"""Claims of the MatchTIR paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["match_tir"]
