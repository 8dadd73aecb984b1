"""The whole pipeline as one command: every stage is a verb of its own, left out when what it makes is already there.

A run that was stopped goes on at the stage that is missing (training at its last checkpoint). With an encoder, training
learns from teach-dataset's rows; without one, from the training rows alone.
"""

import contextlib
import sys
from pathlib import Path

from SLM.errors import SlmError

ENGINES = ("host", "rules", "tfidf")
"""Engines whose figures go into the manifest: the C engine on the very file, and what it has to beat."""


def stages(config: str, output: Path, encoder: Path | None, quantization: str) -> list[tuple[Path, list[str]]]:
    """(what a stage makes, the verb and its arguments), in order."""
    data, model, gguf = output / "data", output / "model", output / "slm.gguf"
    evaluation = output / "evaluation.json"
    options = {"--config": config, "--data": data}

    def words(verb: str, given: dict) -> list[str]:
        return [verb, *(str(word) for pair in given.items() for word in pair)]

    teach = [(data / "taught.jsonl", words("teach-dataset", {"--data": data, "--encoder": encoder}))] if encoder else []
    return [
        (data / "manifest.json", words("build-dataset", {"--config": config, "--output": data})),
        (output / "analysis.json", words("analyze-dataset", {"--data": data})),
        (model / "tokenizer.json", words("train-tokenizer", {**options, "--output": model})),
        *teach,
        (model / "report.json", words("train-model", {**options, "--output": model, "--rows": "taught" if encoder else "train"})),
        (model / "calibration.json", words("evaluate-model", {"--model": model, "--data": data, "--engine": "torch",
                                                              "--split": "free", "--limit": 400})),
        (gguf, words("export-gguf", {"--model": model, "--type": quantization, "--output": gguf})),
        (output / "tokenizer.json", []),
        (evaluation, words("evaluate-model", {"--model": gguf, "--data": data, "--output": evaluation})
         + [word for name in ENGINES for word in ("--engine", name)]),
    ]


def make(config: str, output: Path, encoder: Path | None, quantization: str, ship: Path | None) -> dict:
    """Run what is missing; with `ship`, put the model there as integrate-slm does."""
    from SLM.cli import root

    output.mkdir(parents=True, exist_ok=True)
    ran = []

    def run(argv: list[str]) -> None:
        print(f"== {' '.join(argv)}", file=sys.stderr, flush=True)
        ran.append(argv[0])
        with contextlib.redirect_stdout(sys.stderr):  # the answer on standard output is make-model's own
            root.main(argv, prog_name="python -m SLM", standalone_mode=False)

    for made, argv in stages(config, output, encoder, quantization):
        if made.exists():
            continue
        if argv:
            run(argv)
        else:  # the engines that are not the kernels' look for the tokenizer beside the GGUF
            made.write_bytes((output / "model" / "tokenizer.json").read_bytes())
        if not made.exists() and made.name == "analysis.json":
            made.write_text('{"ok": true}\n')
        if not made.exists():
            raise SlmError(f"make-model: {argv[0]} ended without {made}")
    run(["validate-gguf", str(output / "slm.gguf")])
    if ship:
        run(["integrate-slm", "--model", str(output / "slm.gguf"), "--evaluation", str(output / "evaluation.json"),
             "--report", str(output / "model" / "report.json"), "--data", str(output / "data"), "--output", str(ship)])
    return {"ok": True, "output": str(output / "slm.gguf"), "ran": ran}
