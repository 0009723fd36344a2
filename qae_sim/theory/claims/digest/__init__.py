"""Sentences of a popular digest of the QAE paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["digest"]
