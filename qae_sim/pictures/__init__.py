"""Results in, Matplotlib pictures out.

Nothing here computes, and nothing touches Matplotlib's global state: figures are made without pyplot, and styles hold
only while a picture is drawn.
"""
