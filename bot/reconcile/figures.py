"""Parts that are quick and small alone, and slow or large together: the Frankenstein effect, in figures. Pure.

Changes that are put together on a commit should measure what that commit measures, plus what each of them adds by itself:
its own figures less those of the commit where its branch began. More than that, and more than noise, is a composition
failure like a red check. What nobody has measured is not judged.
"""

from collections.abc import Iterable

from bot.config import Queue

Figures = dict[str, dict[str, float]]
"""Value by architecture and name, as `auton verify` reports them."""

NOISE = {"_ms": 100.0, "_us": 100_000.0}
"""Figures with these endings are times; a difference of a tenth of a second says nothing on a shared machine."""
RATE = "_per_s"
"""Figures with this ending are the better the higher they are."""


def growth(alone: Figures, base: Figures) -> Figures:
    """What a change adds to each figure that both have; what it improves counts as nothing."""
    return {arch: {name: max(0.0, (was - now) if name.endswith(RATE) else (now - was))
                   for name, now in of.items() if (was := base.get(arch, {}).get(name)) is not None}
            for arch, of in alone.items()}


def together(ground: Figures, growths: Iterable[Figures]) -> Figures:
    """The figures of `ground` with those changes on top, as far as all of them are known."""
    growths = list(growths)
    known = {arch: {name: value for name, value in of.items() if all(name in one.get(arch, {}) for one in growths)}
             for arch, of in ground.items()}
    return {arch: {name: value + sum(one[arch][name] for one in growths) * (-1 if name.endswith(RATE) else 1)
                   for name, value in of.items()} for arch, of in known.items()}


def worse(found: Figures, expected: Figures, config: Queue) -> list[str]:
    """A line for each figure that is further from what was expected than the configuration lets it be."""
    return [f"{arch}: {name} is {found[arch][name]:g}, where its parts predict {want:g}"
            for arch, of in sorted(expected.items()) for name, want in sorted(of.items())
            if name in found.get(arch, {}) and _is_worse(name, found[arch][name], want, config)]


def _is_worse(name: str, value: float, want: float, config: Queue) -> bool:
    if name.endswith(RATE):
        return value * (1 + config.slower) < want
    noise = next((most for ending, most in NOISE.items() if name.endswith(ending)), None)
    if noise is None:
        return value > want * (1 + config.larger)
    return value > want * (1 + config.slower) and value - want > noise
