"""Claims about HA-DW's anchors as filters that track a random walk."""

from qae_sim.papers import PAPERS

PAPER = PAPERS["ha_dw"]
