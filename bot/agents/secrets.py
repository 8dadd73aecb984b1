"""Secrets in text, in whatever dress: known kinds of keys, and the same in base64, hex, URL escapes, backwards or cut
into pieces. Pure. Patterns are the issuers' own published prefixes; `entropy` is Shannon's, in bits a character.
"""

import base64
import binascii
import math
import re
import urllib.parse
from collections import Counter
from collections.abc import Iterator

KINDS = {
    "a private key": r"-----BEGIN (?:[A-Z]{1,20} ){0,6}PRIVATE KEY(?: BLOCK)?-----",
    "a GitHub token": r"\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_[A-Za-z0-9_]{60}",
    "an OpenAI or Anthropic key": r"\bsk-(?=[A-Za-z_-]{0,40}\d)[A-Za-z0-9_-]{20}",
    "an AWS key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "a Google key": r"\bAIza[A-Za-z0-9_-]{35}\b",
    "a Slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{10}",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_-]{20}",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30}",
    "a Stripe key": r"\b[rs]k_live_[A-Za-z0-9]{20}",
    "a package index token": r"\b(?:pypi-AgEI|npm_)[A-Za-z0-9_-]{30}",
    "a JSON web token": r"\beyJ[A-Za-z0-9_-]{10,300}\.eyJ[A-Za-z0-9_-]{10}",
    "a password in a URL": r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{1,64}:[^\s/:@]{6,128}@",
}
# Every repetition is bounded: the text is a stranger's, and a search of it must not take forever.
PATTERNS = {kind: re.compile(pattern) for kind, pattern in KINDS.items()}
WORD = re.compile(r"[A-Za-z0-9+/_=-]{40,}")
BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
HEX = re.compile(r"(?:[0-9a-fA-F]{2}[\s:,]*(?:0x)?){16,}")
ESCAPED = re.compile(r"(?:%[0-9a-fA-F]{2}|[\w.~-]){16,}")
LITERALS = re.compile(r"""["'`]\s{0,200}(?:[+.,\\&|]\s{0,200}){0,4}["'`]""")
"""What stands between two pieces of one string."""
BREAKS = re.compile(r"[ \t\\]{0,200}\n\s*")
KNOWN = "a secret of the environment"
RANDOM = 4.6
"""Bits a character from which a long mixed word is taken for a key; English and code stay below 4.3."""


def find(text: str, values: list[str] = ()) -> list[str]:
    """What kinds of secrets stand in `text`, in any dress; `values` are secrets known by name to be kept."""
    found: dict[str, None] = {}
    for dress, version in _dresses(text):
        for kind, pattern in PATTERNS.items():
            if pattern.search(version):
                found[f"{kind}{dress}"] = None
        for value in values:
            if len(value) >= 8 and value in version:
                found[KNOWN + dress] = None
    for word in WORD.findall(text):
        if entropy(word) > RANDOM and _mixed(word):
            found[f"a long random word ({word[:6]}…)"] = None
    return list(found)


def entropy(word: str) -> float:
    """Shannon's entropy of the word's characters, bits each."""
    return -sum(n / len(word) * math.log2(n / len(word)) for n in Counter(word).values())


def _mixed(word: str) -> bool:
    kinds = (str.isupper, str.islower, str.isdigit)
    return all(sum(map(kind, word)) >= 4 for kind in kinds)


def _dresses(text: str) -> Iterator[tuple[str, str]]:
    """The text and what it may hide, each with how it was hidden."""
    plain = [("", text)]
    plain += [(" in base64", decoded) for decoded in _decoded(text)]
    for glued in {LITERALS.sub("", text), BREAKS.sub("", text)} - {text}:
        plain.append((" cut into pieces", glued))
        plain += [(" in base64, cut into pieces", decoded) for decoded in _decoded(glued)]
    for dress, version in plain:
        yield dress, version
        yield dress + " backwards", version[::-1]


def _decoded(text: str) -> Iterator[str]:
    for run in BASE64.findall(text):
        for start in range(4):  # a key may begin anywhere in a longer run
            body = run.rstrip("=")[start:].replace("-", "+").replace("_", "/")
            body = body[:len(body) // 4 * 4] if len(body) % 4 == 1 else body + "=" * (-len(body) % 4)
            try:
                yield base64.b64decode(body).decode("latin-1")
            except binascii.Error:
                continue
    for run in HEX.findall(text):
        digits = re.sub(r"0x|[^0-9a-fA-F]", "", run)
        for start in range(2):
            yield bytes.fromhex(digits[start:len(digits) - (len(digits) - start) % 2]).decode("latin-1")
    for run in ESCAPED.findall(text):
        if "%" in run:
            yield urllib.parse.unquote(run, encoding="latin-1")
