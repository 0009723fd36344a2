"""Purposes of random streams: the number after the seed in a stream's name. No two are the same.

Tasks have 0 and 1 for problems and demonstrations, base models 5 for the order of demonstrations.
"""

from __future__ import annotations

RESPONSES = 6
EVALUATION = 7
ORDER = 8
SELECTION = 9
FIXED_STATES = 10
ANSWERS = 11
REFERENCE = 12
