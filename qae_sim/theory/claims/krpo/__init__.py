"""Claims of the KRPO paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["krpo"]
