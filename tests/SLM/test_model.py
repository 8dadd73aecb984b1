"""The model: llama's shape, exact resume, quantization on ggml's grids."""

import dataclasses
import json

import gguf
import numpy as np
import pytest
import torch

from SLM import config, model, quantize
from tests.SLM.conftest import slm


@pytest.mark.parametrize("name, wanted", [("debug", 279_232), ("tiny_10M", 10_492_160), ("small_50M", 48_251_392)])
def test_parameter_counts(name, wanted):
    c = config.load(name)
    with torch.device("meta"):
        counted = sum(p.numel() for p in model.Slm(c.model).parameters())
    assert c.model.parameters() == counted == wanted and not c.model.problems()


def test_transformers_reads_it_and_agrees(pipeline):
    transformers = pytest.importorskip("transformers")
    theirs = transformers.LlamaForCausalLM.from_pretrained(pipeline / "model", dtype=torch.float32).eval()
    ours = model.load(pipeline / "model")
    ids = torch.randint(12, 512, (2, 19), generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        assert torch.allclose(ours.logits(ours(ids)), theirs(ids).logits, atol=2e-4)


def test_step_by_step_equals_all_at_once(pipeline):
    net = model.load(pipeline / "model")
    ids = torch.randint(12, 512, (1, 12), generator=torch.Generator().manual_seed(1))
    caches = net.new_caches()
    with torch.no_grad():
        whole = net(ids)
        parts = torch.cat([net(ids[:, :5], caches)] + [net(ids[:, i:i + 1], caches) for i in range(5, 12)], 1)
    assert torch.allclose(whole, parts, atol=1e-4)


def test_a_resumed_run_has_the_same_losses(pipeline, tmp_path):
    common = ("train-model", "--config", "debug", "--data", pipeline / "data", "--tokenizer", pipeline / "model", "--steps", "6")
    slm(*common, "--output", tmp_path / "whole")
    slm(*common, "--output", tmp_path / "cut", "--stop-after", "3")
    slm(*common, "--output", tmp_path / "cut", process=True)
    curves = [[json.loads(line)["loss"] for line in (tmp_path / d / "metrics.jsonl").read_text().splitlines()] for d in ("whole", "cut")]
    assert curves[0] == curves[1] and len(curves[0]) == 6


def test_the_average_of_branches_is_between_them(pipeline, tmp_path):
    common = ("train-model", "--config", "debug", "--data", pipeline / "data", "--tokenizer", pipeline / "model")
    for branch in (0, 1):
        slm(*common, "--output", tmp_path / str(branch), "--steps", "2", "--branch", branch)
    slm("average-models", "--model", tmp_path / "0", "--model", tmp_path / "1", "--output", tmp_path / "mean")
    a, b, mean = (model.load(tmp_path / name).state_dict()["model.norm.weight"] for name in ("0", "1", "mean"))
    assert not torch.equal(a, b) and torch.allclose(mean, (a + b) / 2)


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_0"])
def test_our_grid_is_ggml_s(kind):
    w = torch.randn(16, 128, generator=torch.Generator().manual_seed(2))
    number = getattr(gguf.GGMLQuantizationType, kind)
    theirs = gguf.quants.dequantize(gguf.quants.quantize(w.numpy(), number), number)
    assert np.array_equal(quantize.grid(w, kind).numpy(), theirs)


def test_annealed_weights_lie_on_the_grid():
    net = model.Slm(dataclasses.replace(config.load("debug").model, layers=1))
    settled = quantize.settle(quantize.anneal(net, "Q4_0"))
    weight = settled.model["layers"][0].mlp.up_proj.weight
    assert torch.equal(weight, quantize.grid(weight, "Q4_0"))


@pytest.mark.parametrize("change, word", [({"heads": 3}, "heads"), ({"ffn_size": 100}, "ffn_size"), ({"kv_heads": 5}, "kv_heads"),
                                          ({"layers": 0}, "layers"), ({"vocab_size": 99}, "vocab_size")])
def test_a_shape_that_the_engines_cannot_take_is_named(change, word):
    shape = dataclasses.replace(config.load("debug").model, **change)
    assert any(word in problem for problem in shape.problems())
