"""The sixteen tools of the SLM's pipeline, each carried out in the sandbox on a clone of this very repository, in an order in
which each finds what it needs, at a size that takes seconds."""

import importlib.util
import json
import subprocess

import pytest

from bot.agents import roles, tools, workplace
from bot.agents.tools import git as git_tool
from bot.config import check
from bot.handoff import Brief, Limits
from tests.whole.tiny import ROOT

pytestmark = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="the extra 'slm' is not installed")
D, M, G = "SLM/build/data", "SLM/build/model", "SLM/build/q8/slm.gguf"
EVALUATE = {"data": D, "engine": ["torch"], "split": ["free"], "limit": 20}
CALLS = [
    ("build_dataset", {"output": D, "size": 1200}, "train"),
    ("analyze_dataset", {"data": D}, "families"),
    ("train_tokenizer", {"data": D, "output": M}, "bytes_per_token"),
    ("tokenize_data", {"data": D, "tokenizer": M, "output": "SLM/build/rows.npz"}, "tokens"),
    ("validate_architecture", {"config": "debug"}, "279232"),
    ("estimate_flops", {"config": "debug"}, "question_flops"),
    ("train_model", {"data": D, "output": M, "steps": 6, "minutes": 5}, "tokens_per_second"),
    ("evaluate_model", {"model": M, **EVALUATE, "output": "SLM/build/one.json"}, "macro_f1"),
    ("finetune_lora", {"model": M, "data": D, "output": "SLM/build/lora", "purpose": "router", "steps": 2, "rank": 2}, "adapter_bytes"),
    ("quantize_model", {"model": M, "output": "SLM/build/q8", "kind": "Q8_0"}, "Q8_0"),
    ("export_gguf", {"model": "SLM/build/q8", "output": G}, "bytes"),
    ("export_onnx", {"model": "SLM/build/q8", "output": "SLM/build/q8/slm.onnx"}, "max_difference"),
    ("validate_gguf", {"file": G, "load": True}, '"ok": true'),
    ("benchmark_model", {"model": "SLM/build/q8", "engine": ["torch", "host"], "rounds": 1}, "intent_ms"),
    ("compare_models", {"base": "SLM/build/one.json", "candidate": "SLM/build/one.json"}, '"regressions": []'),
    ("integrate_slm", {"model": G, "output": "SLM/models/small", "recipe": "SLM/recipes/small.toml"}, "sha256"),
]
RECIPE = "[data]\nsize = 1200\n[architecture]\nconfig = \"debug\"\n[training]\nsteps = 6\n[evaluation]\n[quantization]\n[export]\n"


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A training agent's clone of this repository's HEAD, with the pipeline as it is in the working tree."""
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    brief = Brief(key="g7-t12-a1-training_agent", mode="slm_training", role="training_agent", attempt=1, goal=7, goal_title="Train",
                  goal_body="", task=12, task_key="t1", task_title="Train it", branch="auton/g7/t12", base_sha=head, head_sha=head,
                  targets=["x86_64"], model="scripted/one", limits=Limits(cost_usd=1.0, steps=20, seconds=900))
    place = workplace.prepare(ROOT, brief, tmp_path_factory.mktemp("slm") / "worktree")
    (place / "SLM" / "recipes").mkdir(exist_ok=True)
    (place / "SLM" / "recipes" / "small.toml").write_text(RECIPE)
    return workplace.Workplace(place, brief, check({}, "test"), False)


@pytest.mark.timeout(900)
def test_every_tool_of_the_pipeline_works_in_the_sandbox(work):
    known = tools.load()
    of_slm = {name for name, tool in known.items() if tool.function.__module__.endswith(".slm")}
    assert {name for name, _, _ in CALLS} == of_slm and len(of_slm) == 16
    of_roles = {name for role in ("data_scientist", "model_architect", "training_agent") for name in roles.load(role).toolset()}
    assert of_slm <= of_roles
    for name, given, says in CALLS:
        assert says in known[name].call(work, json.dumps(given)), name


def test_a_commit_has_the_recipes_table_and_nothing_of_the_models(work):
    models = work.worktree / "SLM" / "models" / "small"
    models.mkdir(parents=True, exist_ok=True)
    (models / "slm.gguf").write_bytes(bytes(range(256)))
    (work.worktree / "SLM" / "models" / "manifest.json").write_text("{}\n")
    assert git_tool.commit(work, "Integrate it")
    assert work.git("diff", "--name-only", f"{work.brief.head_sha}..HEAD").split() == ["SLM/recipes/small.toml"]
    assert (models / "slm.gguf").is_file(), "it stays, for kernels to be booted with"
    assert git_tool.commit(work, "Nothing else") == ""
