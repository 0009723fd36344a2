"""Understand, check and use advantage estimation in reinforcement learning with verifiable rewards (RLVR).

The rooms, from the ground up:

* ``qae_sim.arrays``: which array library is this, checks of input, random streams;
* ``qae_sim.softmax``: the exact entropy calculus of a softmax policy;
* ``qae_sim.advantages``: rewards in, advantages out, one pure function per estimator.

Importing ``qae_sim`` loads none of the heavy libraries; each loads when a function first needs it.
"""

__version__ = "0.1.0"
