"""Claims about group estimators that every paper takes for granted."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["estimators"]
