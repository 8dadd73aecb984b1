"""One small run of the whole pipeline, through its own command line, shared by the tests that look at its parts."""

import contextlib
import importlib.util
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
if importlib.util.find_spec("torch") is None:  # the extra 'slm' is not installed: only what needs none of it is collected
    collect_ignore = [p.name for p in Path(__file__).parent.glob("test_*.py") if p.name not in ("test_text_and_actions.py",)]


def slm(*arguments, check=True, process=False):
    """Run a verb as a person would: (exit status, its JSON or None, standard error).

    In this process, so that torch is imported once and not forty times; `process` starts a new one.
    """
    words = [*map(str, arguments), "--json"]
    if process:
        env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, "-m", "SLM", *words], capture_output=True, text=True, env=env, cwd=ROOT, timeout=900)
        status, out, err = done.returncode, done.stdout, done.stderr
    else:
        status, out, err = _here(words)
    if check and status != 0:
        raise AssertionError(f"slm {arguments[0]}: exit {status}\n{err[-2000:]}")
    return status, json.loads(out) if out.strip() else None, err


def _here(words: list[str]) -> tuple[int, str, str]:
    from SLM.cli import main

    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["slm", *words]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as end:
        return end.code or 0, out.getvalue(), err.getvalue()
    finally:
        sys.argv = before
    return 0, out.getvalue(), err.getvalue()


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Small matrices: a second thread costs more than it brings, and sums in another order."""
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(1)


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
