"""The page "One group, one number": the story of advantages by scrolling, in one file that needs no kernel.

What runs in the page is TypeScript in ``web``, which does not travel in the package; ``npm run build`` there writes
``built``, which does.
"""

from qae_sim.page.document import FILE_NAME, document

__all__ = ["FILE_NAME", "document"]
