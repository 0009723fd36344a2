"""Claims of the GPG paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["gpg"]
