"""Greedy text by vLLM, from a small Llama whose weights are drawn: loading, prefill and decode of a server's engine.

The folder that vLLM loads is written here: a configuration in Hugging Face's form and one safetensors file, with two
layers of 256 channels. Prompts are token ids, so that no tokenizer is needed. What comes back are the tokens and the
log-probabilities of each. Written to run where vLLM is installed; it has not run: see what is verified in the README.
"""

from __future__ import annotations

COMPONENTS = ("vllm", "torch")
IMPORTS = ("numpy", "safetensors", "torch", "vllm")
KIND = "model"
TIERS = ("gpu",)
ITEMS = "tokens"
# Log-probabilities behind two layers in bfloat16, whose products are rounded to 8 bits: a guess, for it has not run.
TOLERANCE = 5e-3

# tokens: those that a call generates, over the whole batch.
CASES = {
    "batch-1": {"batch": 1, "length": 97, "tokens": 16},
    "batch-8": {"batch": 8, "length": 33, "tokens": 128},
}

_CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "hidden_size": 256,
    "intermediate_size": 512,
    "max_position_embeddings": 512,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "vocab_size": 1024,
}


def _weights(tools):
    """The tensors of the model by Hugging Face's names: drawn, and scaled so that activations keep their size."""
    width, inner, words = _CONFIG["hidden_size"], _CONFIG["intermediate_size"], _CONFIG["vocab_size"]
    keys = width // _CONFIG["num_attention_heads"] * _CONFIG["num_key_value_heads"]
    shapes = {"model.embed_tokens": (words, width), "lm_head": (words, width), "model.norm": (width,)}
    for layer in range(_CONFIG["num_hidden_layers"]):
        at = f"model.layers.{layer}"
        shapes.update({f"{at}.input_layernorm": (width,), f"{at}.post_attention_layernorm": (width,)})
        shapes.update({f"{at}.self_attn.{name}_proj": (width, width) for name in ("q", "o")})
        shapes.update({f"{at}.self_attn.{name}_proj": (keys, width) for name in ("k", "v")})
        shapes.update({f"{at}.mlp.{name}_proj": (inner, width) for name in ("gate", "up")})
        shapes[f"{at}.mlp.down_proj"] = (width, inner)
    found = {}
    for name, shape in shapes.items():
        drawn = tools.uniform(shape)
        found[f"{name}.weight"] = 1.0 + 0.1 * drawn if len(shape) == 1 else drawn * (3.0 / shape[1]) ** 0.5
    return found


def prepare(params, tools):
    """Write the folder, load it with vLLM, and draw the prompts."""
    import json
    import tempfile
    from pathlib import Path

    import numpy as np
    import torch
    from safetensors.torch import load_file, save_file
    from vllm import LLM, SamplingParams

    folder = Path(tempfile.mkdtemp(prefix="model-"))
    weights = {name: torch.from_numpy(value).to(torch.bfloat16) for name, value in _weights(tools).items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    tools.loaded(load_file(folder / "model.safetensors"))
    (folder / "config.json").write_text(json.dumps(_CONFIG), encoding="utf-8")
    engine = LLM(model=str(folder), skip_tokenizer_init=True, enforce_eager=True, gpu_memory_utilization=0.3, seed=0)
    prompts = tools.integers(3, _CONFIG["vocab_size"], (params["batch"], params["length"])).tolist()
    each = params["tokens"] // params["batch"]
    asked = SamplingParams(temperature=0.0, max_tokens=each, min_tokens=each, logprobs=1, detokenize=False)

    def work():
        answers = engine.generate([{"prompt_token_ids": prompt} for prompt in prompts], asked, use_tqdm=False)
        best = [answer.outputs[0] for answer in answers]
        chosen = [[step[token].logprob for token, step in zip(one.token_ids, one.logprobs)] for one in best]
        return {
            "tokens": np.array([list(one.token_ids) for one in best], dtype=np.int64),
            "log_probabilities": np.array(chosen, dtype=np.float32),
        }

    return work
