"""structurer turns badly formatted reports into records that prove themselves by their own arithmetic.

`structurer.structure(path)` is the whole way for Python users; it is imported on first use, so that `import structurer` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from structurer.plans import structure

__all__ = ["__version__", "structure"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """PEP 562: the way is imported when it is first asked for."""
    if name == "structure":
        from structurer.plans import structure

        return structure
    raise AttributeError(f"module 'structurer' has no attribute {name!r}")
