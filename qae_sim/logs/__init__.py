"""Training logs: read (``sources``), grouped (``grouping``), summarised (``digest``), compared (``shares``)."""
