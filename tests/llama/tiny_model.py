"""Writes a language model of a few hundred kilobytes that knows nothing, as a GGUF file for llama.cpp.

    tiny_model.py FILE.gguf           writes whole characters only
    tiny_model.py FILE.gguf --torn    also writes bytes that are no UTF-8, which llama.cpp's grammars let pass

It is a real llama (two layers) over single bytes, with random weights from a fixed seed: its replies are nonsense, the same in
each run, and under a grammar they are nonsense of the right shape. Random weights alone would write on for ever, so the output layer has a
leaning towards what ends a string, a list or a reply, and towards letters and figures that a careless reader might take for values.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import gguf
import numpy as np

SEED: Final = 42
CONTEXT: Final = 32_768  # tokens, which are bytes
WIDTH: Final = 64
HEADS: Final = 1  # of the width that the server is fastest with
LAYERS: Final = 2
INNER: Final = 192  # width of the feed-forward layers
SHARPNESS: Final = 3.0  # spread of the attention's scores: so sharp that no context is like the one before, or replies would go in circles
BEGIN, END = 256, 257  # token numbers behind those of the bytes
NAMES: Final = ("<|begin|>", "<|end|>")
TEMPLATE: Final = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
LEANINGS: Final = {  # logits on top of random ones with a spread of 1; later lines win
    bytes(range(0x20, 0x7F)): 0.0,
    b"0123456789.": 1.5,
    b'"': 3.0,
    b"]": 1.4,
    b"{": 2.2,
    b"\\": -1.0,
    bytes(range(0x80, 0xC0)): 0.0,
    bytes([*range(0xC2, 0xE0), *range(0xE1, 0xED), 0xEE, 0xEF, *range(0xF1, 0xF4)]): -2.5,  # begin characters, however they go on
}
TORN: Final = bytes([0xE0, 0xED, 0xF0, *range(0xF4, 0x100)])  # begin what may be no character
TEARING: Final = 1.0  # the leaning towards those, if asked for
NEVER: Final = -20.0  # else, and control characters
ENDING: Final = 3.0

Matrix = np.ndarray[Any, np.dtype[np.float32]]


def write(file: Path, *, torn: bool = False) -> None:
    """Write the model, the same bytes each time."""
    writer = gguf.GGUFWriter(file, "llama")
    _describe(writer)
    _speak(writer)
    for name, matrix in _weights(np.random.default_rng(SEED), torn).items():
        writer.add_tensor(name, matrix)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: gguf.GGUFWriter) -> None:
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)


def _speak(writer: gguf.GGUFWriter) -> None:
    """The vocabulary of GPT-2 without its merges: a token is a byte. The one merge is there because the loader demands a list."""
    normal, control = gguf.TokenType.NORMAL, gguf.TokenType.CONTROL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*_printed_bytes(), *NAMES])
    writer.add_token_types([normal] * 256 + [control] * len(NAMES))
    writer.add_token_merges(["\u0100 \u0100"])  # two zero bytes, whose merger is no token
    writer.add_bos_token_id(BEGIN)
    writer.add_eos_token_id(END)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def _printed_bytes() -> list[str]:
    """GPT-2 writes each byte as a printed character: most Latin-1 ones as they are, the others as the characters from U+0100 on."""
    plain = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in plain else next(others)) for byte in range(256)]


def _weights(random: np.random.Generator, torn: bool) -> dict[str, Matrix]:
    """All matrices as (outputs, inputs). The first coordinate is 1 for every token and touched by no layer: the leanings ride on it."""

    def drawn(outputs: int, inputs: int, spread: float = 1.0) -> Matrix:
        return (random.standard_normal((outputs, inputs)) * spread / np.sqrt(inputs)).astype(np.float32)

    weights = {"token_embd.weight": drawn(256 + len(NAMES), WIDTH, np.sqrt(WIDTH)), "output.weight": drawn(256 + len(NAMES), WIDTH)}
    weights["token_embd.weight"][:, 0] = 1
    weights["output.weight"][:, 0] = _leanings(torn)
    weights["output_norm.weight"] = np.ones(WIDTH, np.float32)
    for layer in range(LAYERS):
        block = {
            "attn_q": drawn(WIDTH, WIDTH, np.sqrt(SHARPNESS)), "attn_k": drawn(WIDTH, WIDTH, np.sqrt(SHARPNESS)),
            "attn_v": drawn(WIDTH, WIDTH), "attn_output": drawn(WIDTH, WIDTH),
            "ffn_gate": drawn(INNER, WIDTH), "ffn_up": drawn(INNER, WIDTH), "ffn_down": drawn(WIDTH, INNER, 2.0),
            "attn_norm": np.ones(WIDTH, np.float32), "ffn_norm": np.ones(WIDTH, np.float32),
        }  # fmt: skip
        block["attn_output"][0] = block["ffn_down"][0] = 0
        weights |= {f"blk.{layer}.{name}.weight": matrix for name, matrix in block.items()}
    return weights


def _leanings(torn: bool) -> Matrix:
    leaning = np.full(256 + len(NAMES), NEVER, np.float32)
    for some, logit in LEANINGS.items():
        leaning[list(some)] = logit
    if torn:
        leaning[list(TORN)] = TEARING
    leaning[END] = ENDING
    return leaning


if __name__ == "__main__":
    write(Path(sys.argv[1]), torn="--torn" in sys.argv[2:])
