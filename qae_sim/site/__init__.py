"""Pages that open from any disk or web server: lessons, explorers, claims, findings, estimators, guides, reference.

They need neither Python nor network.
"""

from qae_sim.site.address import Address, installed_address
from qae_sim.site.docs import write_docs
from qae_sim.site.explorers import write_explorers
from qae_sim.site.lessons import Lesson, write_lessons

__all__ = ["Address", "Lesson", "installed_address", "write_docs", "write_explorers", "write_lessons"]
