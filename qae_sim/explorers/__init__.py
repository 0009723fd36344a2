"""The interactive objects that the lessons show: state, model, controls and picture in one.

Each explorer starts from its defaults or from a text, ``QuantileGate.from_state("k=.4&g=16&c=3")``, and gives that
text back with ``permalink()``. :func:`address` gives the address under which the site shows a state.

A name is imported when it is first used; ``__init__.pyi`` says from where.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
