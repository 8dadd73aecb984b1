"""From logits to an answer: the intent by its special tokens, then the action under the grammar.

The same for every engine that can say "the next token's logits after these ids". kernels/core/slm/answer.c does the same
in C: greedy, the best-scored token whose bytes keep the action possible; </s> where it may end.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from SLM.actions import QUOTING, Grammar, grammar, spans
from SLM.intents import EOS, FIRST_INTENT, INTENTS
from SLM.text import clean, lower
from SLM.tokenizer import Tokenizer

MAX_ACTION_TOKENS = 64


class NextLogits(Protocol):
    """An engine under the decoder. `start` takes the whole prompt, `step` one more id; both give float32 (vocab,)."""

    def start(self, ids: list[int]) -> np.ndarray: ...
    def step(self, token: int) -> np.ndarray: ...


@dataclass
class Answer:
    intent: str
    probability: float
    action: str
    ms: float = 0.0
    logits: list[float] = field(default_factory=list)
    """Of the intents, in their order, before the temperature; empty for engines that have none."""


def intent_of(logits: np.ndarray, temperature: float) -> tuple[str, float, list[float]]:
    seven = np.asarray(logits[FIRST_INTENT:FIRST_INTENT + len(INTENTS)], dtype=np.float64)
    p = np.exp((seven - seven.max()) / temperature)
    best = int(seven.argmax())
    return INTENTS[best], float(p[best] / p.sum()), [float(x) for x in seven]


def answer(engine: NextLogits, tokenizer: Tokenizer, text: str, temperature: float = 1.0, action: bool = True) -> Answer:
    text = clean(text)
    intent, probability, seven = intent_of(engine.start(tokenizer.prompt(lower(text))), temperature)
    out = ""
    if action and intent != "NONE":
        out = decode_action(engine, tokenizer, intent, text)
    return Answer(intent, probability, out, logits=seven)


def decode_action(engine: NextLogits, tokenizer: Tokenizer, intent: str, text: str) -> str:
    """The action text (without the intent) that the engine prefers among those that the grammar allows."""
    g, low = grammar(), _bytes(lower(text))
    logits = engine.step(FIRST_INTENT + INTENTS.index(intent))
    prefix = whole = ""  # whole: the last prefix that could stand as it is
    for _ in range(MAX_ACTION_TOKENS):
        token, piece = _best(g, tokenizer, logits, intent, low, prefix)
        if token == EOS:
            break
        prefix += piece
        more, ends = g.state(intent, low, prefix)
        whole = prefix if ends else whole
        if not more:
            break  # nothing can follow
        logits = engine.step(token)
    return restore_case(g, intent, whole, low, _bytes(text)).encode("latin-1").decode()


def _bytes(text: str) -> str:
    """The UTF-8 bytes of a text as characters: tokens may end inside one of its own."""
    return text.encode().decode("latin-1")


def _best(g: Grammar, tokenizer: Tokenizer, logits: np.ndarray, intent: str, low: str, prefix: str) -> tuple[int, str]:
    done = g.state(intent, low, prefix)[1]
    for token in np.argsort(-logits, kind="stable"):
        token = int(token)
        if token == EOS:
            if done:
                return EOS, ""
        elif piece := tokenizer.token_bytes[token].decode("latin-1"):
            if any(g.state(intent, low, prefix + piece)):
                return token, piece
    return EOS, ""


def restore_case(g: Grammar, intent: str, action: str, low: str, text: str) -> str:
    """Put what an action (with its leading space) quotes into the case that the sentence wrote it in."""

    def walk(left: tuple, tail: str) -> str | None:
        if not tail:
            return "" if all(a.optional for a in left) else None
        for place, arg in enumerate(left):
            if tail.startswith(arg.lead):
                body = tail[len(arg.lead):]
                for said, meant in pairs(arg):
                    if body.startswith(said) and (end := walk(left[place + 1:], body[len(said):])) is not None:
                        return arg.lead + meant + end
            if not arg.optional:
                break
        return None

    def pairs(arg) -> list[tuple[str, str]]:
        if arg.kind not in QUOTING:
            return [(v, v) for v in g.types[arg.kind]]
        q = '"' if arg.kind == "text" else ""
        return [(q + low[a:b] + q, q + text[a:b] + q) for a, b in spans(arg.kind, low)]

    for op, args in g.ops[intent].items():
        if action.startswith(" " + op) and (rest := walk(args, action[len(op) + 1:])) is not None:
            return op + rest
    return ""
