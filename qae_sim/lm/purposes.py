"""Purposes of random streams: the number that follows the seed in a stream's name. No two purposes share one.

Besides those below, tasks use 0 and 1 (problems and demonstrations) and base models 5 (the order of demonstrations).
"""

from __future__ import annotations

RESPONSES = 6
EVALUATION = 7
ORDER = 8
SELECTION = 9
FIXED_STATES = 10
ANSWERS = 11
REFERENCE = 12
BASE_TARGET = 13
