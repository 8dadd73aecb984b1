"""Several processes of one training: the same model as one process with as much to a step makes, and one voice."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from tests.SLM.conftest import ROOT, slm

STEPS = 7


def together(*arguments, processes: int = 2) -> dict:
    """A verb under torchrun; its only line on standard output, as JSON."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes), "--standalone",
               "-m", "SLM", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=600,
                          env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr[-6000:]
    assert done.stdout.count("\n") == 1, "both processes speak"
    return json.loads(done.stdout)


def weights(model: Path) -> dict[str, torch.Tensor]:
    return torch.load(model / "checkpoint.pt", weights_only=True)["model"]


@pytest.fixture(scope="module")
def few(pipeline, tmp_path_factory) -> tuple[Path, Path, tuple]:
    """(configuration for two processes, for one, the other options): an epoch is 11 micro-batches, an odd number."""
    place = tmp_path_factory.mktemp("processes")
    raw = yaml.safe_load((ROOT / "SLM" / "configs" / "debug.yaml").read_text())
    raw["train"] |= {"steps": STEPS, "warmup": 1, "batch_tokens": 1024}
    (place / "two.yaml").write_text(yaml.safe_dump(raw))
    raw["train"] |= {"batch_tokens": 2048, "accumulate": 2}
    (place / "one.yaml").write_text(yaml.safe_dump(raw))
    (place / "data").mkdir()
    rows = (pipeline / "data" / "train.jsonl").read_text().splitlines(keepends=True)
    (place / "data" / "train.jsonl").write_text("".join(rows[:300]))
    (place / "data" / "val.jsonl").write_bytes((pipeline / "data" / "val.jsonl").read_bytes())
    return place / "two.yaml", place / "one.yaml", ("--data", place / "data", "--tokenizer", pipeline / "model")


def test_two_processes_make_what_one_makes_of_both_their_batches(few, tmp_path):
    two, one, options = few
    report = together("train-model", "--config", two, *options, "--output", tmp_path / "two")
    _, alone, _ = slm("train-model", "--config", one, *options, "--output", tmp_path / "one")
    assert report["steps"] == STEPS and report["tokens"] == pytest.approx(alone["tokens"], rel=0.1)
    theirs, ours = weights(tmp_path / "two"), weights(tmp_path / "one")
    for name, value in ours.items():
        assert torch.allclose(theirs[name], value, atol=2e-3), name
    assert report["val_loss"] == pytest.approx(alone["val_loss"], rel=0.01)


def test_two_processes_that_were_stopped_go_on_as_if_they_had_not_been(few, tmp_path):
    two, _, options = few
    train = ("train-model", "--config", two, *options, "--output")
    together(*train, tmp_path / "whole")
    together(*train, tmp_path / "halves", "--stop-after", 6)  # in the second epoch
    assert together(*train, tmp_path / "halves")["finished"]
    whole, halves = weights(tmp_path / "whole"), weights(tmp_path / "halves")
    assert all(torch.equal(halves[name], value) for name, value in whole.items())


def test_of_a_sweep_the_best_by_validation_loss_is_kept(few, tmp_path):
    two, _, options = few
    report = together("train-model", "--config", two, *options, "--output", tmp_path, "--sweep-weight-decay", "0.1,40")
    assert report["sweep"] == {"0.1": pytest.approx(report["val_loss"]), "40.0": pytest.approx(report["sweep"]["40.0"])}
    assert report["weight_decay"] == 0.1 and report["sweep"]["40.0"] > report["sweep"]["0.1"]
    assert (tmp_path / "model.safetensors").read_bytes() == (tmp_path / "wd0.1" / "model.safetensors").read_bytes()
