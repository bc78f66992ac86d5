"""How sure a share is that was counted."""

from math import sqrt

Z_95 = 1.959964


def wilson(hits: int, total: int, z: float = Z_95) -> tuple[float, float]:
    """The interval of Wilson (1927) of a share, 0-1: by default it holds the true one 95 times in 100."""
    if total == 0:
        return 0.0, 1.0
    share, spread = hits / total, z * z / total
    middle = (share + spread / 2) / (1 + spread)
    reach = z / (1 + spread) * sqrt(share * (1 - share) / total + spread / (4 * total))
    return max(0.0, middle - reach), min(1.0, middle + reach)
