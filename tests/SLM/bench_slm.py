"""Benchmark: the shipped model in the C engine (each kernel, CPU time), then engines beside each other (wall time)."""

import json
import subprocess
from pathlib import Path

from SLM.engines.host import program
from SLM.stages import benchmark

MODELS = Path(__file__).parents[2] / "SLM" / "models"

if __name__ == "__main__":
    for kernel in ("scalar", "swar", "sse2", "avx2", "avx512-vnni", "neon"):
        done = subprocess.run([program(), MODELS / "slm.gguf", "bench", f"kernel={kernel}"], capture_output=True, text=True)
        if done.returncode == 0:
            found = json.loads(done.stdout)
            print(f"{found['kernel']:12} 32 tokens in {found['question_32_ms']:8.2f} ms, {found['tokens_per_second']:9.1f} tokens/s")
    print(benchmark(MODELS, ("host", "llama.cpp", "rules"), 5)["text"])
