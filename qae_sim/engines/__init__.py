"""The same advantages inside real trainers: ``qae_sim.engines.trl``."""
