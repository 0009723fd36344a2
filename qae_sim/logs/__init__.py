"""Training logs: read (``sources``), put into groups (``grouping``), digested (``digest``), and what follows from it."""
