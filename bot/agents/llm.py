"""The adapter to litellm: any provider's model, with our own prices, retries, limits and care for keys.

What litellm does well (the wire formats) is left to it. What it does silently is done here, loudly: an unknown
price is an error and not $0, an answer without usage is counted by ourselves and not as 0 tokens, and a
retry happens by the table below or not at all. litellm is imported when the first model is opened, since that
takes seconds.
"""

import json
import os
import re
import secrets
import time
from dataclasses import dataclass
from typing import Any

from bot import hostile
from bot.agents.keys import take_keys
from bot.agents.model import Answer, Call, Message, ModelFailed, add, tokens
from bot.config import Config
from bot.errors import AgentError
from bot.handoff import Usage

RETRY = {"RateLimitError", "InternalServerError", "ServiceUnavailableError", "BadGatewayError", "Timeout",
         "APIConnectionError", "APIError"}
"""litellm's errors that another try may mend. All others (authentication, context length, bad request) are not."""
NOT_BILLED = {"RateLimitError", "APIConnectionError", "ServiceUnavailableError", "BadGatewayError"}
"""Of those, the ones where no model can have worked for us."""
TRIES = 6
LONGEST_WAIT = 60.0
MAX_OUTPUT = 16_000
"""Tokens of one answer; fewer if the budget pays for fewer."""
LEAST_OUTPUT = 200
STALLED = 900.0
"""Seconds after which a hosted model's answer is given up; an endpoint of one's own may take the run's time."""

MOST_TOKENS = 2_000_000
"""More than that no model reads or writes in one answer: such a figure is not believed."""
CHOKED = "_handle_invalid_parallel_tool_calls"
"""litellm's function that fails on an answer whose arguments are too deep, or hold a number too long, to be parsed."""
UNREADABLE = "(This answer could not be read: the arguments of its tool calls were not valid JSON.)"

FENCE = re.compile(r"```(?:json|tool)?[ \t]*\n(.*?)\n?```", re.S)
FENCED = """
You have no built-in tool calls. To call a tool, write a fenced block like this, and nothing after it:

```json
{"tool": "read_file", "arguments": {"path": "kernels/Makefile"}}
```

Several blocks in one answer run in order. The tools and their arguments (JSON schemas):

"""


@dataclass(frozen=True)
class Prices:
    """US dollars per token, and where they are from."""

    input: float
    output: float
    cached: float
    written: float
    """For tokens that the provider puts into its cache."""
    source: str

    def cost(self, fresh: int, cached: int, written: int, output: int) -> float:
        return fresh * self.input + cached * self.cached + written * self.written + output * self.output


def load():
    """Import litellm, quiet and without its look for new prices on the network."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    try:
        import litellm
    except ImportError as error:
        raise AgentError(f"litellm can't be imported: {error}", "pip install -e . in this checkout") from None
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.drop_params = True
    return litellm


def prices(name: str, config: Config) -> Prices:
    """The prices of a model, from auton.toml or else litellm's table; AgentError if there is none, or zero."""
    ours = config.agents.prices.get(name)
    if ours:
        if not ours.free and not (ours.input > 0 and ours.output > 0):
            raise AgentError(f"[agents.prices.\"{name}\"]: expected prices above 0, found input = {ours.input}, "
                             f"output = {ours.output}", "for a model that costs nothing, add free = true")
        cached = ours.input if ours.cached_input is None else ours.cached_input
        return Prices(ours.input / 1e6, ours.output / 1e6, cached / 1e6, ours.input * 1.25 / 1e6, "auton.toml")
    table = load().model_cost
    known = table.get(name) or table.get(name.partition("/")[2])
    paid = (known or {}).get("input_cost_per_token") or 0, (known or {}).get("output_cost_per_token") or 0
    if not (paid[0] > 0 and paid[1] > 0):
        found = "none in litellm's table" if known is None else f"{paid[0]} and {paid[1]} in litellm's table"
        raise AgentError(f"{name}: expected a price for its input and output tokens, found {found}",
                         f'add [agents.prices."{name}"] with input = … and output = … (US dollars per million '
                         "tokens) to auton.toml; for a model of your own, free = true")
    # Some models cost more above 200,000 tokens of input: charge all of it at the higher price, never too little.
    dear = known.get("input_cost_per_token_above_200k_tokens") or 0
    cached = known.get("cache_read_input_token_cost") or paid[0]
    written = known.get("cache_creation_input_token_cost") or paid[0]
    return Prices(max(paid[0], dear), max(paid[1], known.get("output_cost_per_token_above_200k_tokens") or 0),
                  cached, max(written, paid[0]), "litellm's table")


class Hosted:
    """A model behind litellm."""

    def __init__(self, name: str, config: Config):
        self.name = name
        self.keys = take_keys()
        self.prices = prices(name, config)
        self.litellm = load()
        self.base = config.agents.api_base or os.environ.get("OPENAI_API_BASE")
        try:
            _, self.provider, _, _ = self.litellm.get_llm_provider(name, api_base=self.base)
        except self.litellm.BadRequestError:
            raise AgentError(f"expected a model that litellm knows how to reach, found '{name}'",
                             "write provider/model, such as openai/gpt-4.1 or ollama_chat/qwen3") from None
        entry = self.litellm.model_cost.get(name) or {}
        # Known from the table; else the first question is the probe, since an endpoint refuses tools at once.
        self.native = entry.get("supports_function_calling", True) if entry else True
        self.source = {"model": name, "provider": self.provider, "endpoint": "own" if self.base else "provider's",
                       "prices_per_million": {"input": self.prices.input * 1e6, "output": self.prices.output * 1e6,
                                              "from": self.prices.source}}

    def ask(self, messages: list[Message], tools: list[dict[str, Any]], *, budget: float, seconds: float) -> Answer:
        ends = time.monotonic() + seconds
        spent = Usage()
        tries = 0
        while True:
            tries += 1
            count = tokens(messages) + tokens(tools)
            room = self._room(count, budget - spent.cost_usd, spent)
            left = ends - time.monotonic()
            if left <= 1:
                raise ModelFailed("the time was up before the model answered", spent, limit=True)
            answer = None
            try:
                with self.keys.lent():
                    answer = self.litellm.completion(**self._request(messages, tools, room, left))
                return self._read(answer, count, spent)
            except self.litellm.ContextWindowExceededError:
                raise ModelFailed("the history is longer than the model's context", spent, limit=True) from None
            except Exception as error:  # noqa: BLE001 litellm's errors have no common base but this
                kind = type(error).__name__
                if answer is not None or CHOKED in str(error):
                    return self._unreadable(count, room, spent)
                if self.native and tools and kind in ("BadRequestError", "UnsupportedParamsError", "NotFoundError") \
                        and re.search(r"\btools?\b|function.?call", str(error), re.I):
                    self.native = False
                    continue
                if kind in RETRY and kind not in NOT_BILLED:
                    spent = add(spent, Usage(calls=1, input_tokens=count, cost_usd=count * self.prices.input))
                wait = self._wait(error, tries)
                if kind not in RETRY or tries >= TRIES or wait is None:
                    raise ModelFailed(self._explain(kind, error, tries), spent) from None
                if time.monotonic() + wait >= ends:
                    raise ModelFailed(f"the time was up while the model was not to be had ({kind})", spent,
                                      limit=True) from None
                time.sleep(wait)

    def _room(self, count: int, budget: float, spent: Usage) -> int:
        """How many tokens the answer may have, so that the whole call stays within `budget`."""
        asked = count * max(self.prices.input, self.prices.written)
        if self.prices.output <= 0:
            return MAX_OUTPUT
        room = int((budget - asked) / self.prices.output)
        if room < LEAST_OUTPUT:
            raise ModelFailed(f"the next call would cost about ${asked + LEAST_OUTPUT * self.prices.output:.4f}, "
                              f"and ${max(0, budget):.4f} is left", spent, limit=True)
        return min(MAX_OUTPUT, room)

    def _request(self, messages: list[Message], tools: list[dict[str, Any]], room: int, left: float) -> dict[str, Any]:
        request: dict[str, Any] = {"model": self.name, "max_retries": 0, "num_retries": 0, "max_tokens": room,
                                   "timeout": left if self.base else min(left, STALLED)}
        if self.base:
            request["api_base"] = self.base
            if self.provider == "openai" and "OPENAI_API_KEY" not in os.environ:
                request["api_key"] = "none"
        if self.native and tools:
            return {**request, "messages": self._marked(sendable(messages)), "tools": tools}
        return {**request, "messages": fenced(messages, tools)}

    def _marked(self, messages: list[Message]) -> list[Message]:
        """The last message with the marker up to which the provider shall cache, where it wants one."""
        if "claude" not in self.name or self.provider == "openai" or not isinstance(messages[-1]["content"], str):
            return messages
        content = [{"type": "text", "text": messages[-1]["content"] or "(empty)",
                    "cache_control": {"type": "ephemeral"}}]
        return [*messages[:-1], {**messages[-1], "content": content}]

    def _read(self, answer: Any, count: int, spent: Usage) -> Answer:
        message = answer.choices[0].message
        text = message.content or ""
        calls = [Call(call.id or f"call_{i}", call.function.name or "", call.function.arguments or "")
                 for i, call in enumerate(message.tool_calls or [])]
        if not calls:
            calls = fenced_calls(text)
        usage = getattr(answer, "usage", None)
        asked = _told(usage, "prompt_tokens") or count
        told = _told(usage, "completion_tokens") or tokens(text) + tokens([call.arguments for call in calls])
        cached = min(asked, _told(getattr(usage, "prompt_tokens_details", None), "cached_tokens"))
        written = min(asked - cached, _told(usage, "cache_creation_input_tokens"))
        cost = self.prices.cost(asked - cached - written, cached, written, told)
        return Answer(text, calls, add(spent, Usage(calls=1, input_tokens=asked, cached_tokens=cached,
                                                    output_tokens=told, cost_usd=cost)))

    def _unreadable(self, count: int, room: int, spent: Usage) -> Answer:
        """For an answer that came but can't be read: without a call, and paid for as if it had filled its room."""
        cost = self.prices.cost(count, 0, 0, room)
        return Answer(UNREADABLE, [], add(spent, Usage(calls=1, input_tokens=count, output_tokens=room, cost_usd=cost)))

    def _wait(self, error: Exception, tries: int) -> float | None:
        """Seconds until the next try: what the provider asks for, else 1, 2, 4, …; None if that is too long."""
        headers = getattr(getattr(error, "response", None), "headers", None) or {}
        headers = {**(getattr(error, "litellm_response_headers", None) or {}), **headers}
        asked = headers.get("retry-after")
        try:
            wait = float(asked) if asked else min(2.0 ** (tries - 1), LONGEST_WAIT)
        except ValueError:
            wait = min(2.0 ** (tries - 1), LONGEST_WAIT)
        return max(0.0, wait) if wait <= LONGEST_WAIT else None

    def _explain(self, kind: str, error: Exception, tries: int) -> str:
        said = " ".join(str(error).split())
        for value in self.keys.values.values():
            if len(value) >= 8:
                said = said.replace(value, "***")
        after = f" after {tries} tries" if tries > 1 else ""
        hint = ""
        if kind in ("AuthenticationError", "PermissionDeniedError"):
            hint = f"; set the provider's key ({self.provider.upper()}_API_KEY) for the step that runs the agent"
        return f"{self.name}: {kind}{after}: {said[:400]}{hint}"


def _told(usage: Any, name: str) -> int:
    """How many tokens the provider says; 0, which is unknown, for what can't be true."""
    told = getattr(usage, name, 0)
    return told if isinstance(told, int) and 0 < told <= MOST_TOKENS else 0


def sendable(messages: list[Message]) -> list[Message]:
    """The same history for litellm, which parses the arguments of the calls in it for some providers: those that are no
    JSON object are put into one."""
    return [{**message, "tool_calls": [_parsable(call) for call in message["tool_calls"]]}
            if message.get("tool_calls") else message for message in messages]


def _parsable(call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    try:
        if isinstance(hostile.read_json(function["arguments"]), dict):
            return call
    except ValueError:
        pass
    return {**call, "function": {**function, "arguments": json.dumps({"unparsable": function["arguments"][:1000]})}}


def fenced(messages: list[Message], tools: list[dict[str, Any]]) -> list[Message]:
    """The same history for a model without tool calls: all in plain text, the tools described in the first message."""
    shown = "\n".join(json.dumps(tool["function"]) for tool in tools)
    plain: list[Message] = []
    for message in messages:
        content = message.get("content") or ""
        role = message["role"]
        if role == "system" and tools:
            content += FENCED + shown
        for call in message.get("tool_calls") or []:
            function = call["function"]
            if not FENCE.search(content):
                content += f'\n```json\n{{"tool": "{function["name"]}", "arguments": {function["arguments"]}}}\n```'
        if role == "tool":
            role, content = "user", f"Result of the tool call:\n{content}"
        if plain and plain[-1]["role"] == role == "user":
            plain[-1]["content"] += "\n\n" + content
        else:
            plain.append({"role": role, "content": content})
    return plain


def fenced_calls(text: str) -> list[Call]:
    """The tool calls that stand in an answer's fenced blocks."""
    calls = []
    for block in FENCE.findall(text):
        try:
            value = hostile.read_json(block)
        except ValueError:
            continue
        if isinstance(value, dict) and isinstance(value.get("tool"), str):
            name = f"fenced_{secrets.token_hex(6)}"
            calls.append(Call(name, value["tool"], json.dumps(value.get("arguments") or {})))
    return calls
