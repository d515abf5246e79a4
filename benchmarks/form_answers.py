"""What the pages say of the forms of PCA locality: r2 to the network, seed by seed beside another row's."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.answers import EXACT, OWN, RELEASED, TAUS, Found, against, differences, is_same
from benchmarks.titles import called

HEAD = "r2 to the network, set against that of"


def variants(*names: str) -> Callable[[Found], str]:
    """What some variants say against the exact row."""

    def verdict(found: Found) -> str:
        told = "; ".join(against(found, name) for name in names)
        return f"{HEAD} {called(EXACT)}. {told}"

    return verdict


def tau_verdict(found: Found) -> str:
    """What other taus say against the one that was typed."""
    base = typed_tau(found)
    told = "; ".join(against(found, name) for name in TAUS if name != base)
    return f"{HEAD} {called(base)}. {told}"


def typed_tau(found: Found) -> str:
    """The row that has the very tau of the exact row; that row itself, where its tau is none of these."""
    same = (name for name in TAUS if is_same(differences(found, name, "variants", EXACT)))
    return next(same, EXACT)


def float32_verdict(found: Found) -> str:
    """Masks of float32 factors against exact ones, with the exact and with the batch-averaged softmax."""
    return (
        f"{HEAD} {called(EXACT)}. {against(found, 'float32')}. "
        f"Set against that of {called('wssm_512')}. {against(found, 'float32_wssm_512', base='wssm_512')}"
    )


def released_verdict(found: Found) -> str:
    """Whether ours are ahead of it, too."""
    told = "; ".join(against(found, name, "released", RELEASED) for name in (*OWN, EXACT))
    return f"{HEAD} the {called(RELEASED)}. {told}"
