"""Sentences as every engine sees them: `clean` for what a person typed, `lower` for what the model reads.

Both are simple enough to be the same in freestanding C (kernels/core/slm/text.c): no Unicode tables, only a short
list of typographic characters. `lower` keeps every byte's place, so that an action can quote the sentence as typed.
"""

MAX_BYTES = 240

_PLAIN = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-",
                        "\u2026": "...", "\u00a0": " "})
_LOWER = bytes(b + 32 if 65 <= b <= 90 else b for b in range(256))


def clean(text: str) -> str:
    """Plain quotes and dashes, single spaces, no control characters, at most MAX_BYTES of whole characters."""
    text = text.translate(_PLAIN)
    text = " ".join("".join(c if c > " " and c != "\x7f" else " " for c in text).split(" ")).strip()
    text = " ".join(part for part in text.split(" ") if part)
    raw = text.encode("utf-8", "replace")
    if len(raw) > MAX_BYTES:
        text = raw[:MAX_BYTES].decode("utf-8", "ignore").rstrip(" ")
    return text


def lower(text: str) -> str:
    """ASCII letters to lower case; nothing moves."""
    return text.encode("utf-8").translate(_LOWER).decode("utf-8")
