"""Pages that open from any disk or web server, without Python or network: the lessons, executed once."""

from qae_sim.site.lessons import write_lessons

__all__ = ["write_lessons"]
