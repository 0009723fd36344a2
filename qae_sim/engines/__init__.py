"""The estimators inside real trainers: ``qae_sim.engines.trl`` and ``qae_sim.engines.verl``.

Both hold a rule and its state, and apply it to their batches with ``qae_sim.engines.batches``.
"""
