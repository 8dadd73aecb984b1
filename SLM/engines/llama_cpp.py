"""llama.cpp on the GGUF, through xllamacpp: token ids in, every token's log-probability out."""

from pathlib import Path

import numpy as np

from SLM.engines.base import Neural, model_file
from SLM.errors import Missing, SlmError
from SLM.intents import FIRST_BYTE


class LlamaCpp:
    def __init__(self, path: Path, threads: int = 1, flash: bool = False, adapter: Path | None = None):
        try:
            import xllamacpp as xl
        except ImportError:
            raise Missing("--engine llama.cpp: the package xllamacpp is not installed (it is in the extra 'slm')") from None
        p = xl.CommonParams()
        p.model.path = str(path)
        p.n_ctx, p.n_batch, p.n_ubatch, p.n_parallel = 512, 512, 512, 1
        p.cpuparams.n_threads = p.cpuparams_batch.n_threads = threads
        p.cache_type_k = p.cache_type_v = xl.ggml_type.GGML_TYPE_F32
        kinds = xl.llama_flash_attn_type
        p.flash_attn_type = kinds.LLAMA_FLASH_ATTN_TYPE_ENABLED if flash else kinds.LLAMA_FLASH_ATTN_TYPE_DISABLED
        p.warmup = False
        p.verbosity = -1
        p.use_jinja = False
        if adapter:
            p.lora_adapters = [xl.CommonAdapterLoraInfo(str(adapter), 1.0)]
        try:
            self.server = xl.Server(p)
        except (RuntimeError, ValueError) as error:
            raise SlmError(f"{path}: llama.cpp does not load it: {error}") from None
        self.ids: list[int] = []

    def start(self, ids: list[int]) -> np.ndarray:
        self.ids = list(ids)
        return self._ask()

    def step(self, token: int) -> np.ndarray:
        self.ids.append(token)
        return self._ask()

    def _ask(self) -> np.ndarray:
        # The bias makes it pick the byte token "a": what it would rather pick may be half a character, and then it would
        # give no probabilities. Those that it gives are of the logits before the bias.
        answer = self.server.handle_completions({"prompt": self.ids, "n_predict": 1, "n_probs": 1 << 20, "temperature": -1, "samplers": [],
                                                 "logit_bias": [[FIRST_BYTE + 97, 1e6]], "cache_prompt": True, "id_slot": 0})
        try:
            top = answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        except (KeyError, IndexError, TypeError):
            raise SlmError(f"llama.cpp: expected the logprobs of a token, found {str(answer)[:200]}") from None
        out = np.full(max(t["id"] for t in top) + 1, -1e30, np.float32)
        for t in top:
            out[t["id"]] = t["logprob"]
        return out


def open(model: Path, threads: int = 1, **options) -> Neural:
    from SLM.gguf_read import read

    path = model_file(model, "*.gguf", "a .gguf")
    scale = read(path).keys.get("auton.slm.temperature", 1.0)
    return Neural(model, LlamaCpp(path, threads), scale=scale, **options)
