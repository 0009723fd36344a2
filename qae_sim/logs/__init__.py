"""Training logs: read (``sources``), put into groups (``grouping``), digested (``digest``), compared (``shares``)."""
