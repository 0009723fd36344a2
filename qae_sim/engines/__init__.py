"""The same advantages inside real trainers: ``qae_sim.engines.trl`` and ``qae_sim.engines.verl``.

Both hold a rule and its state, and apply it to their batches by ``qae_sim.engines.batches``.
"""
