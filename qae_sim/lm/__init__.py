"""A toy language model that learns from verifiable rewards."""
