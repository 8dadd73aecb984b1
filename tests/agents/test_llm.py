"""The adapter to litellm over real HTTP: a small OpenAI-compatible server that answers as each test says."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bot.agents import keys, llm
from bot.agents.model import ModelFailed, tokens
from bot.config import check
from bot.errors import AgentError

NAME = "openai/test-model"
TOOLS = [{"type": "function", "function": {"name": "look", "description": "Look.",
                                           "parameters": {"type": "object", "properties": {}}}}]
MESSAGES = [{"role": "system", "content": "You are a test."}, {"role": "user", "content": "Go."}]


def said(text=None, calls=(), usage=(100, 10)):
    """A reply of the wire: text, tool calls as (name, arguments), usage or None."""
    message = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [{"id": f"call_{i}", "type": "function",
                                  "function": {"name": name, "arguments": arguments}}
                                 for i, (name, arguments) in enumerate(calls)]
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "test-model",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    if usage:
        body["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    return 200, {}, body


def refused(status, message, code=None, **headers):
    return status, headers, {"error": {"message": message, "type": "error", "code": code}}


class Server(ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies, self.requests, self.keys = [], [], []


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(body)
        self.server.keys.append(self.headers.get("Authorization"))
        status, headers, reply = self.server.replies.pop(0)
        data = json.dumps(reply).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def server():
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def model(server, monkeypatch):
    monkeypatch.setattr(keys, "_keys", None)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
    config = check({"agents": {"api_base": f"http://127.0.0.1:{server.server_port}/v1",
                               "prices": {NAME: {"input": 1.0, "output": 10.0}}}}, "test")
    model = llm.Hosted(NAME, config)
    monkeypatch.setattr(llm.time, "sleep", lambda seconds: server.requests.append(("slept", seconds)))
    return model


def ask(model, budget=1.0, messages=MESSAGES):
    return model.ask(messages, TOOLS, budget=budget, seconds=60)


def test_a_tool_call_with_its_cost(model, server):
    server.replies = [said(None, [("look", '{"at": "it"}')])]
    answer = ask(model)
    assert [(call.name, call.arguments) for call in answer.calls] == [("look", '{"at": "it"}')]
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (100, 10)
    assert answer.usage.cost_usd == pytest.approx((100 * 1 + 10 * 10) / 1e6)
    assert server.requests[0]["tools"] == TOOLS
    assert server.keys == ["Bearer sk-test-0123456789abcdef"]


def test_the_key_is_gone_from_the_environment_and_its_memory(model, server):
    assert "OPENAI_API_KEY" not in os.environ
    server.replies = [said("text")]
    ask(model)
    assert "OPENAI_API_KEY" not in os.environ


def test_a_rate_limit_waits_as_long_as_it_is_told_and_costs_nothing(model, server):
    server.replies = [refused(429, "slow down", Retry_After="7"), said("done")]
    answer = ask(model)
    assert server.requests[1] == ("slept", 7.0)
    assert answer.text == "done" and answer.usage.calls == 1


def test_a_server_error_is_tried_again_and_charged(model, server):
    server.replies = [refused(500, "oops"), refused(500, "oops"), said("done")]
    answer = ask(model)
    assert [r[1] for r in server.requests if isinstance(r, tuple)] == [1.0, 2.0]
    assert answer.usage.calls == 3
    assert answer.usage.cost_usd == pytest.approx((2 * (tokens(MESSAGES) + tokens(TOOLS)) + 100 + 100) / 1e6)


def test_a_wrong_key_is_not_tried_again_and_not_repeated_in_the_error(model, server):
    server.replies = [refused(401, "Incorrect API key provided: sk-test-0123456789abcdef")]
    with pytest.raises(ModelFailed) as failed:
        ask(model)
    assert len(server.requests) == 1 and not failed.value.limit
    assert "OPENAI_API_KEY" in str(failed.value) and "sk-test-0123456789abcdef" not in str(failed.value)


def test_a_too_long_history_is_a_limit(model, server):
    server.replies = [refused(400, "This model's maximum context length is 8192 tokens", "context_length_exceeded")]
    with pytest.raises(ModelFailed, match="longer than the model's context") as failed:
        ask(model)
    assert failed.value.limit and len(server.requests) == 1


def test_missing_usage_is_counted_by_ourselves(model, server):
    server.replies = [said("a few words of an answer", usage=None)]
    usage = ask(model).usage
    assert usage.input_tokens >= 20 and usage.output_tokens >= 5 and usage.cost_usd > 0


def test_malformed_arguments_come_through_as_they_are(model, server):
    server.replies = [said(None, [("look", '{"at": ')])]
    assert ask(model).calls[0].arguments == '{"at": '


def test_an_answer_without_any_choice_is_charged_and_asked_again(model, server):
    status, headers, body = said("x")
    server.replies = [(status, headers, {**body, "choices": []}), said("done")]
    answer = ask(model)
    assert answer.text == "done" and answer.usage.calls == 2


def test_a_call_that_can_not_be_paid_is_never_made(model, server):
    with pytest.raises(ModelFailed, match="is left") as failed:
        ask(model, budget=0.001)
    assert failed.value.limit and server.requests == []


def test_an_answer_may_be_as_long_as_the_budget_pays(model, server):
    server.replies = [said("done")]
    ask(model, budget=0.011)
    assert 500 < server.requests[0]["max_tokens"] < 1100


def test_an_endpoint_without_tools_gets_fenced_json_from_then_on(model, server):
    block = 'I look.\n```json\n{"tool": "look", "arguments": {"at": "it"}}\n```'
    server.replies = [refused(400, "this model does not support tools"), said(block), said("done")]
    answer = ask(model)
    assert [(call.name, json.loads(call.arguments)) for call in answer.calls] == [("look", {"at": "it"})]
    assert "tools" not in server.requests[1] and '"look"' in server.requests[1]["messages"][0]["content"]
    history = [*MESSAGES, answer.message(), {"role": "tool", "tool_call_id": answer.calls[0].id, "content": "seen"}]
    ask(model, messages=history)
    plain = server.requests[2]["messages"]
    assert [m["role"] for m in plain] == ["system", "user", "assistant", "user"]
    assert plain[2]["content"] == block and "seen" in plain[3]["content"]


def test_an_endpoint_that_is_not_there_is_one_clear_error(model, server):
    model.base = "http://127.0.0.1:9/v1"
    with pytest.raises(ModelFailed, match="after 6 tries"):
        ask(model)


@pytest.mark.parametrize("priced", [{}, {NAME: {"input": 0, "output": 0}}, {NAME: {"input": 1, "output": 0}}])
def test_no_price_or_a_zero_price_is_an_error_before_the_first_call(priced):
    with pytest.raises(AgentError, match="price"):
        llm.prices(NAME, check({"agents": {"prices": priced}}, "test"))


def test_a_model_of_ones_own_may_be_free():
    config = check({"agents": {"prices": {NAME: {"input": 0, "output": 0, "free": True}}}}, "test")
    assert llm.prices(NAME, config).cost(1000, 0, 0, 1000) == 0


def test_known_models_have_litellms_prices():
    assert llm.prices("gpt-4o", check({}, "test")).output > 1e-6
    assert llm.prices("anthropic/claude-sonnet-4-5", check({}, "test")).input > 1e-6


DEEP = "[" * 100_000


@pytest.mark.parametrize("arguments", [DEEP, '{"at": ' + "9" * 5000 + "}"])
def test_an_answer_that_litellm_can_not_read_is_one_charged_answer_without_a_call(model, server, arguments):
    server.replies = [said(calls=[("look", arguments)])]
    answer = ask(model)
    assert len(server.requests) == 1 and not answer.calls and answer.usage.calls == 1
    assert answer.usage.output_tokens == server.requests[0]["max_tokens"] and answer.usage.cost_usd > 0


def test_fenced_json_without_end_is_charged(model, server):
    model.native = False
    server.replies = [said(f"```json\n{DEEP}\n```")]
    answer = ask(model)
    assert not answer.calls and (answer.usage.calls, answer.usage.input_tokens) == (1, 100) and answer.usage.cost_usd > 0


@pytest.mark.parametrize("usage", [(-100_000_000, -5), (10**12, 10**12)])
def test_usage_that_can_not_be_true_is_counted_by_ourselves(model, server, usage):
    server.replies = [said("done", usage=usage)]
    used = ask(model).usage
    assert used.input_tokens == tokens(MESSAGES) + tokens(TOOLS) and 0 < used.output_tokens < 10 and 0 < used.cost_usd < 1


def test_unparsable_arguments_of_the_history_go_out_as_an_object():
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": DEEP}}
    [sent] = llm.sendable([{"role": "assistant", "content": "", "tool_calls": [call]}])
    assert json.loads(sent["tool_calls"][0]["function"]["arguments"]) == {"unparsable": DEEP[:1000]}
