"""Verbs of the drivers known by heart (SLM/drivers.py): learn, ask, evaluate. SLM/cli.py imports this last."""

import json as jsonlib

import click

from SLM.cli import DIR, FILE, verb
from SLM.errors import SlmError

ENGINES = click.Choice(["torch", "llama.cpp"])
READER = click.option("--reader", type=click.Choice(["torch", "llama.cpp", "host"]), help="Reads ids out of sentences (default: --engine).")


@verb("learn-drivers")
@click.option("--model", type=FILE, required=True, help="The .gguf that the adapter is for; its tokenizer.json lies beside it.")
@click.option("--output", type=DIR, required=True, help="adapter.gguf, report.json; a stopped run goes on from checkpoint.pt.")
@click.option("--steps", default=3000, show_default=True, type=click.IntRange(1), help="With the table's ids alone.")
@click.option("--then", default=800, show_default=True, type=click.IntRange(0), help="Steps after these, with made-up ids too.")
@click.option("--rank", default=48, show_default=True, type=click.IntRange(1, 256))
@click.option("--first-layer", default=8, show_default=True, type=click.IntRange(0), help="Layers below it stay as they are.")
@click.option("--batch", default=128, show_default=True, type=click.IntRange(1), help="Questions a step.")
@click.option("--unknown", default=0.1, show_default=True, type=click.FloatRange(0, 0.9), help="Share of made-up ids then.")
@click.option("--ids", type=click.IntRange(1), help="At most so many ids of the table.")
@click.option("--compile", "compiled", is_flag=True, help="Compile the layers: half a minute, then half again as fast.")
def learn_drivers(model, output, steps, then, rank, first_layer, batch, unknown, ids, compiled):
    """A LoRA adapter that knows the table of PCI ids by heart, as GGUF. The file OUTPUT/end may say fewer steps."""
    from SLM.drivers_train import Plan, finetune

    return finetune(model, output, Plan(steps, then, rank, first_layer, batch, unknown, ids), compiled)


@verb("name-driver")
@click.argument("text", required=False)
@click.option("--model", type=FILE, help="A .gguf (default: the shipped model).")
@click.option("--adapter", type=FILE, help="adapter.gguf of learn-drivers (default: the shipped model's).")
@click.option("--engine", default="torch", show_default=True, type=ENGINES)
@READER
@click.option("--input", "source", type=FILE, help='Instead of TEXT: JSONL with {"text": …} a line.')
@click.option("--output", type=FILE, help="With --input: JSONL with text, module, probability.")
def name_driver(text, model, adapter, engine, reader, source, output):
    """The kernel module for a PCI id, or a sentence with one in it, from the model's memory alone; none if it knows of none."""
    from SLM.data.build import read
    from SLM.drivers_run import answering, open_memory

    if (text is None) == (source is None) or (source is None) != (output is None):
        raise SlmError("name-driver: expected either TEXT or both --input and --output")
    texts = [text] if source is None else [row["text"] for row in read(source)]
    answer = answering(reader or engine, open_memory(engine, model, adapter), model)
    answers = [{"text": t, "module": a.module, "probability": round(a.probability, 6)}
               for t, a in zip(texts, answer(texts), strict=True)]
    if source is None:
        return {**answers[0], "text": f"{answers[0]['module']} ({answers[0]['probability']:.3f})"}
    output.write_text("".join(jsonlib.dumps(a, ensure_ascii=False) + "\n" for a in answers))
    return {"rows": len(answers), "output": str(output)}


@verb("evaluate-drivers")
@click.option("--model", type=FILE, help="A .gguf (default: the shipped model).")
@click.option("--adapter", type=FILE, help="adapter.gguf of learn-drivers (default: the shipped model's).")
@click.option("--engine", default="torch", show_default=True, type=ENGINES)
@READER
@click.option("--ids", type=click.IntRange(1), help="At most so many ids, evenly over the table.")
@click.option("--split", "splits", multiple=True, type=click.Choice(["bare", "train", "val", "test", "writer"]),
              help="Whose phrasings; may be repeated, default bare, test, writer.")
@click.option("--output", type=FILE, help="Also write the result as JSON here.")
@click.option("--ship", "place", type=DIR, help="Also put the adapter there, with a manifest of its figures.")
def evaluate_drivers(model, adapter, engine, reader, ids, splits, output, place):
    """Top-1 without the table, over the table's ids, beside the commonest module of each vendor."""
    from SLM.drivers_run import answering, evaluate, open_memory, ship

    answer = answering(reader or engine, open_memory(engine, model, adapter), model)
    made = {"engine": engine, "reader": reader or engine, **evaluate(answer, splits or ("bare", "test", "writer"), ids)}
    if output:
        output.write_text(jsonlib.dumps(made, indent=1) + "\n")
    if place:
        ship(model, adapter, made, place)
    return made
