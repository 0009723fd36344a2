"""The claims, one module per topic."""
