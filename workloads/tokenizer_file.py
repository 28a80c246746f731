"""Tokenizer files across versions: trained and saved by one runtime's tokenizers, loaded by the other's.

tokenizers 0.20.0 writes the merges of a BPE model as pairs, which 0.19.1 does not read: the upgrade works, and the way
back does not (llama.cpp#9692). Each case is one model of tokenization; the text is encoded after the file was loaded,
so that a file which loads and means something else shows too.
"""

from __future__ import annotations

COMPONENTS = ("tokenizers",)
IMPORTS = ("numpy", "tokenizers")
KIND = "loader"
TIERS = ("cpu",)
# Token ids are integers: there is nothing that may differ.
TOLERANCE = 0.0

CASES = {
    "bpe": {"model": "BPE", "trainer": "BpeTrainer"},
    "word-level": {"model": "WordLevel", "trainer": "WordLevelTrainer"},
    "word-piece": {"model": "WordPiece", "trainer": "WordPieceTrainer"},
}

_TEXT = (
    "The quick brown fox jumps over the lazy dog, and the dog does not mind.",
    "A kernel that was fast is slow; a kernel that was right is wrong.",
    "Na\u00efve caf\u00e9s serve \u65e5\u672c\u8a9e and \U0001f600 to 3,141 people at 9:26.",
    "lowest lower low newest newer new widest wider wide",
)


def save(params, tools):
    """Train a tokenizer on the text and save it as JSON."""
    import tokenizers
    from tokenizers import models, pre_tokenizers, trainers

    unknown = "[UNK]"
    tokenizer = tokenizers.Tokenizer(getattr(models, params["model"])(unk_token=unknown))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = getattr(trainers, params["trainer"])(
        vocab_size=150, special_tokens=[unknown, "[PAD]"], show_progress=False
    )
    tokenizer.train_from_iterator(_TEXT, trainer)
    tokenizer.save(f"{tools.folder}/tokenizer.json")


def prepare(params, tools):  # noqa: ARG001 - every workload has this signature
    """Load the file; the work encodes what it was trained on and what it was not, and decodes that again."""
    import numpy as np
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(f"{tools.folder}/tokenizer.json")
    texts = [*_TEXT, "Slow foxes were never seen.", "", "\u00e9" * 7]

    def work():
        found = tokenizer.encode_batch(texts)
        ids = [number for one in found for number in [len(one.ids), *one.ids]]
        return {"ids": np.array(ids, dtype=np.int64), "text": "\n".join(tokenizer.decode(one.ids) for one in found)}

    return work
