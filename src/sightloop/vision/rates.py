"""Whether a rate has risen from one set of samples to the next."""

from __future__ import annotations

import scipy  # its parts load when first used

from sightloop.vision.evidence import require


def rise_p_value(hits_before: int, before: int, hits_now: int, now: int) -> float:
    """The chance of as many hits now, or more, if both sets had one rate: Fisher's exact test, one-sided.

    Fisher, "Statistical Methods for Research Workers", 1934, section 21.02.
    """
    good = 0 <= hits_before <= before and 0 <= hits_now <= now
    require(good, "There are more hits than samples.", "Give hits and samples of each set.")
    return float(scipy.stats.hypergeom.sf(hits_now - 1, before + now, hits_before + hits_now, now))
