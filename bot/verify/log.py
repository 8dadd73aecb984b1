"""Hostile text made safe to read and to print: console and compiler output without escapes, cut to size."""

import re

ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]?"           # CSI: colours, cursor (ECMA-48 section 5.4)
    r"|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC, DCS, SOS, PM, APC: to their end or the line's
    r"|\x1b[ -/]*[0-~]?"                  # every other escape sequence
    r"|\x9b[0-?]*[ -/]*[@-~]?")           # the one-byte CSI
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f"
                      r"\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")

LONG = re.compile(r"([^\n]{4000})[^\n]+")


def clean(raw: bytes) -> str:
    """Bytes from a console as text: escape sequences, carriage returns and other controls removed."""
    return plain(raw.decode("utf-8", "replace"))


def plain(text: str) -> str:
    """Text without escape sequences and controls, and without lines too long to be read."""
    return LONG.sub(r"\1…", CONTROLS.sub("", ESCAPES.sub("", text)))


def tail(text: str, lines: int = 30, chars: int = 3000) -> str:
    """The end of a log, at most `lines` lines and `chars` characters."""
    cut = "\n".join(text.rstrip().split("\n")[-lines:])
    return cut if len(cut) <= chars else "…" + cut[-chars:]
