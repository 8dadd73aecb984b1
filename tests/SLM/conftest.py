"""One small run of the whole pipeline, through its own command line, shared by the tests that look at its parts."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
if importlib.util.find_spec("torch") is None:  # the extra 'slm' is not installed: only what needs none of it is collected
    collect_ignore = [p.name for p in Path(__file__).parent.glob("test_*.py") if p.name not in ("test_text_and_actions.py",)]


def slm(*arguments, check=True, **options):
    """Run a verb as a person would; (exit status, its JSON or None, standard error)."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-m", "SLM", *map(str, arguments), "--json"], capture_output=True, text=True,
                          env=env, cwd=options.get("cwd", ROOT), timeout=900)
    if check and done.returncode != 0:
        raise AssertionError(f"slm {arguments[0]}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return done.returncode, json.loads(done.stdout) if done.stdout.strip() else None, done.stderr


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory) -> Path:
    """data → tokenizer → train at debug size, in a directory: data/, model/."""
    base = tmp_path_factory.mktemp("slm")
    slm("build-dataset", "--config", "debug", "--size", "2500", "--output", base / "data")
    slm("train-tokenizer", "--config", "debug", "--data", base / "data", "--output", base / "model")
    slm("train-model", "--config", "debug", "--data", base / "data", "--output", base / "model", "--steps", "60")
    return base


@pytest.fixture(scope="session")
def exported(pipeline) -> Path:
    """The same with its GGUF files and the float ONNX beside the model."""
    for kind in ("F32", "Q8_0", "Q4_0"):
        slm("export-gguf", "--model", pipeline / "model", "--type", kind, "--output", pipeline / "model" / f"{kind}.gguf")
    slm("export-onnx", "--model", pipeline / "model", "--output", pipeline / "model" / "float.onnx")
    return pipeline
