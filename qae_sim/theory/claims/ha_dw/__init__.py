"""Claims of the HA-DW paper."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["ha_dw"]
