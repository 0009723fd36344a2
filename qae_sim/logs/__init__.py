"""Training logs: read, put into groups, digested."""
