"""Seven kinds of noise that real typing has. Each takes the sentence's plain parts only: entities stay as they are.

    typo     a neighbouring key            drop     a letter is missing         swap     two letters change places
    double   a letter twice                case     capitals in odd places      space    words run together or break
    chat     filler words and short forms (u, pls, ur)
"""

import random

KINDS = ("typo", "drop", "swap", "double", "case", "space", "chat")
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEAR = {}
for _r, _row in enumerate(_ROWS):
    for _c, _ch in enumerate(_row):
        near = _row[max(0, _c - 1):_c] + _row[_c + 1:_c + 2]
        for other in _ROWS[max(0, _r - 1):_r] + _ROWS[_r + 1:_r + 2]:
            near += other[max(0, _c - 1):_c + 1]
        _NEAR[_ch] = near
_SHORT = {"you": "u", "your": "ur", "please": "pls", "are": "r", "why": "y", "thanks": "thx", "what": "wat", "because": "cuz",
          "the": "da", "this": "dis", "to": "2", "for": "4", "and": "n", "with": "w/", "without": "w/o", "need": "nd", "see": "c",
          "i'm": "im", "isn't": "isnt", "doesn't": "doesnt", "can't": "cant", "won't": "wont", "what's": "whats",
          "going to": "gonna", "want to": "wanna", "machine": "machne", "something": "smth", "right": "rite", "know": "kno"}
_FILL = ("um", "uh", "like", "you know", "well", "so", "ok", "just", "hmm", "actually", "basically", "hey", "lol", "man", "er", "btw")


def add(kind: str, text: str, rng: random.Random) -> str:
    """`text` (a plain part of a sentence) with one to a few faults of one kind."""
    if kind == "case":
        mode = rng.randrange(4)
        if mode == 0:
            return text.upper()
        if mode == 1:
            return text.title()
        return "".join(c.upper() if rng.random() < 0.3 else c for c in text)
    words = text.split(" ")
    if kind == "chat":
        words = [_SHORT[w] if w in _SHORT and rng.random() < 0.7 else w for w in words]
        if rng.random() < 0.6:
            words.insert(rng.randrange(len(words) + 1), rng.choice(_FILL))
        return " ".join(words)
    if kind == "space":
        if len(words) > 2 and rng.random() < 0.6:
            at = rng.randrange(len(words) - 1)
            words[at:at + 2] = [words[at] + words[at + 1]]
        else:
            at = rng.randrange(len(words))
            if len(words[at]) > 4:
                cut = rng.randrange(2, len(words[at]) - 1)
                words[at] = words[at][:cut] + " " + words[at][cut:]
        return " ".join(words)
    places = [i for i, w in enumerate(words) if len(w) > 3 and w.isalpha()] or [i for i, w in enumerate(words) if len(w) > 2]
    rng.shuffle(places)
    for i in places[:max(1, round(len(words) * 0.15))]:
        words[i] = _fault(kind, words[i], rng)
    return " ".join(words)


def _fault(kind: str, word: str, rng: random.Random) -> str:
    at = rng.randrange(len(word))
    if kind == "typo":
        return word[:at] + rng.choice(_NEAR.get(word[at].lower(), "e") or "e") + word[at + 1:]
    if kind == "drop":
        at = rng.randrange(1, len(word))
        return word[:at] + word[at + 1:]
    if kind == "double":
        return word[:at] + word[at] + word[at:]
    at = min(at, len(word) - 2)
    return word[:at] + word[at + 1] + word[at] + word[at + 2:]


_SMALL = {"the", "a", "an", "my", "is", "are", "to", "of", "do", "does", "i", "me", "please", "it", "this", "that", "on", "in", "for",
          "be", "should", "have", "has", "want", "can", "you", "could", "our", "we", "am"}


def terse(text: str, rng: random.Random) -> str:
    """Most small words left out, as in a telegram. For training rows; not one of the seven kinds that tests use."""
    return " ".join(w for w in text.split(" ") if w not in _SMALL or rng.random() < 0.25) or text


def noisy(parts: list[tuple[str, bool]], rng: random.Random, kind: str | None = None) -> str:
    """Join (text, is it plain) parts, with noise of one kind (a random one if None) in the plain ones."""
    kind = kind or rng.choice(KINDS)
    plain = [i for i, (text, is_plain) in enumerate(parts) if is_plain and len(text.strip()) > 2]
    if not plain:
        return "".join(text for text, _ in parts)
    chosen = set(plain) if kind == "case" else {rng.choice(plain)}
    out = []
    for i, (text, _) in enumerate(parts):
        if i in chosen:
            core = text.strip(" ")
            lead, tail = text[:len(text) - len(text.lstrip(" "))], text[len(text.rstrip(" ")):]
            text = lead + add(kind, core, rng) + tail
        out.append(text)
    return "".join(out)
