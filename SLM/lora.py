"""LoRA through peft: a small adapter for one device purpose, as a GGUF adapter that llama.cpp loads, and merged.

The rows of a purpose are those of the dataset that name its things, beside as many others, so that the rest is not
forgotten. GGUF adapter: general.type adapter, adapter.type lora, a pair lora_a, lora_b for each matrix.
"""

import json
import random
import shutil
from pathlib import Path

from SLM.errors import SlmError

PURPOSES = {
    "webserver": ("web", "http", "https", "nginx", "apache2", "caddy", "site", "website", "pages", "php", "haproxy", "proxy"),
    "router": ("route", "router", "gateway", "firewall", "dhcp", "dns", "nat", "vpn", "wireguard", "port", "traffic", "packets"),
    "sensor": ("sensor", "sensors", "temperature", "mqtt", "mosquitto", "serial", "battery", "gpio", "i2c", "power", "fan"),
}
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}


def rows_of(purpose: str, rows: list[dict], seed: int = 1) -> list[dict]:
    """The purpose's rows and as many others, in an order that the seed decides."""
    if purpose not in PURPOSES:
        raise SlmError(f"--purpose: expected one of {', '.join(PURPOSES)}, found {purpose!r}")
    wanted = set(PURPOSES[purpose])
    mine = [r for r in rows if wanted & set(r["text"].lower().split())]
    if not mine:
        raise SlmError(f"--data: expected rows about {purpose}, found none")
    rng = random.Random(seed)
    out = mine + rng.sample(rows, min(len(mine), len(rows)))
    rng.shuffle(out)
    return out


def finetune(model: Path, data: Path, purpose: str, output: Path, steps: int, rank: int) -> dict:
    import peft
    import torch
    import torch.nn.functional as F
    import transformers

    from SLM import batches
    from SLM.config import load as load_config
    from SLM.data.build import read
    from SLM.model import load, save
    from SLM.tokenizer import Tokenizer

    torch.manual_seed(1)
    rows = rows_of(purpose, read(data / "train.jsonl"))
    net = load(model)  # also says clearly when there is no model
    base = transformers.LlamaForCausalLM.from_pretrained(model, dtype=torch.float32)
    tuned = peft.get_peft_model(base, peft.LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=TARGETS, lora_dropout=0.0))
    examples = batches.encode(rows, Tokenizer(model / "tokenizer.json"), load_config("debug").train)
    optimizer = torch.optim.AdamW([p for p in tuned.parameters() if p.requires_grad], lr=2e-3, weight_decay=0.0)
    losses: list[float] = []
    epoch = 0
    while len(losses) < steps:
        plan = batches.plan(examples, 1024, 1, epoch)
        if not plan:
            raise SlmError(f"--data: expected more rows about {purpose}, found {len(rows)}")
        for batch in plan[:steps - len(losses)]:
            ids, targets, weights = examples.batch(batch)
            each = F.cross_entropy(tuned(ids).logits.transpose(1, 2), targets, reduction="none")
            loss = (each * weights).sum() / weights.sum()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
        epoch += 1
    output.mkdir(parents=True, exist_ok=True)
    tuned.save_pretrained(output / "adapter")
    weights = {k: v.detach().clone() for k, v in peft.get_peft_model_state_dict(tuned).items()}
    write_adapter(weights, net.c.heads, net.c.kv_heads, 2.0 * rank, output / "adapter.gguf")
    net.load_state_dict({k: v for k, v in tuned.merge_and_unload().state_dict().items() if k != "lm_head.weight"})
    save(net, output / "merged")
    for name in ("tokenizer.json", "tokenizer_config.json", "calibration.json"):
        if (model / name).exists():
            shutil.copy(model / name, output / "merged" / name)
    tenth = max(1, len(losses) // 10)
    report = {"purpose": purpose, "rows": len(rows), "steps": steps, "rank": rank, "loss_first": round(sum(losses[:tenth]) / tenth, 4),
              "loss_last": round(sum(losses[-tenth:]) / tenth, 4), "adapter_bytes": (output / "adapter.gguf").stat().st_size,
              "output": str(output)}
    (output / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    return report


def write_adapter(weights: dict, heads: int, kv_heads: int, alpha: float, path: Path, half: bool = False) -> None:
    """peft's tensors as a GGUF adapter, of half precision or F32. lora_b of Q and K is permuted as those matrices' rows are."""
    import gguf
    import numpy as np

    from SLM.gguf_write import permute

    w = gguf.GGUFWriter(str(path), "llama")
    w.add_type("adapter")
    w.add_string("adapter.type", "lora")
    w.add_float32("adapter.lora.alpha", alpha)
    for key in sorted(weights):
        layer, rest = key.split("layers.")[1].split(".", 1)
        module, part = rest.split(".lora_")
        value = np.ascontiguousarray(weights[key].float().numpy())
        if part.startswith("B") and NAMES[module] in ("attn_q", "attn_k"):
            value = np.ascontiguousarray(permute(value, heads if NAMES[module] == "attn_q" else kv_heads))
        w.add_tensor(f"blk.{layer}.{NAMES[module]}.weight.lora_{part[0].lower()}", value.astype(np.float16) if half else value)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
