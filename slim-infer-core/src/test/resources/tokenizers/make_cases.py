#!/usr/bin/env python3
"""Writes cases.json: small tokenizers made up for this test, and what the tokenizers library makes of some texts.

usage: make_cases.py > cases.json      (needs the Python package tokenizers)
"""
import json
from tokenizers import Tokenizer

BYTES = [f"<0x{b:02X}>" for b in range(256)]
TEXTS = ["hello world", " hello", "hello <s>world</s> hello", "<s>hello", "<s> hello", "hello[X]hello", "hello [X] hello", "[X]  [X]",
         "hello <mask>  hello", "hello<mask>hello", "aq hello", "helloq", "q hello q", "<s>", "", "é🦙 hello", "hello\n\nhello", "  ", "a  b   c",
         "hello world" * 3, "<s><s>hello</s>", "</s>hello world<s>"]
ADDED = [("<unk>", {}), ("<s>", {}), ("</s>", {}), ("<mask>", {"lstrip": True}), ("[X]", {"special": False, "rstrip": True}),
         ("q", {"special": False, "single_word": True})]
WORDS = ["▁hello", "hello", "▁world", "world", "▁", "h", "e", "l", "o", "w", "r", "d", "a", "b", "c", "he", "hel", "hell", "▁w", "▁wo", "▁wor",
         "▁worl", "wo", "wor", "worl", "▁hel", "▁he", "▁h", "▁hell"]
MERGES = ["h e", "he l", "hel l", "hell o", "▁ hello", "w o", "wo r", "wor l", "worl d", "▁ world"]
SP_DECODER = {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
              {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}

def added(offset, tokens):
    return [{"id": offset + i, "content": c, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
             "special": True, **flags} for i, (c, flags) in enumerate(tokens)]

def bpe(**model):
    vocab = {t: i for i, t in enumerate(["<unk>", "<s>", "</s>"] + BYTES + WORDS)}
    return {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None,
            "fuse_unk": True, "byte_fallback": True, "ignore_merges": False, "vocab": vocab, "merges": MERGES, **model}

def tokenizer(model, normalizer=None, pre_tokenizer=None, decoder=SP_DECODER, tokens=ADDED):
    # The library numbers added tokens itself, behind the model's own; the first three are in the model's vocabulary.
    entries = added(len(model["vocab"]) - 3, tokens)
    for i in range(3):
        entries[i]["id"] = i
    for entry in entries:
        if isinstance(model["vocab"], dict) and entry["content"] in model["vocab"]:
            entry["id"] = model["vocab"][entry["content"]]
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": entries, "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer, "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}}], "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}, "decoder": decoder, "model": model}

def metaspace(scheme):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": False}

PREPEND = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}
UNIGRAM = {"type": "Unigram", "unk_id": 0, "byte_fallback": True,
           "vocab": [["<unk>", 0.0], ["<s>", 0.0], ["</s>", 0.0]] + [[b, -20.0] for b in BYTES] + [[w, -float(20 - len(w))] for w in WORDS]}
SPACES = ADDED + [("▁▁", {"special": False}), ("\n\n", {"special": False})]

TOKENIZERS = {
    "Prepend normalizer (Llama 2)": tokenizer(bpe(), PREPEND),
    "Metaspace first (Mistral)": tokenizer(bpe(), None, metaspace("first")),
    "Metaspace always": tokenizer(bpe(), None, metaspace("always"), {**metaspace("always")}),
    "Metaspace never": tokenizer(bpe(), None, metaspace("never")),
    "Unigram with control pieces": tokenizer(UNIGRAM, None, metaspace("first")),
    "added white space": tokenizer(bpe(), {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}, None, SP_DECODER, SPACES),
    "merges that lead to a control token": tokenizer(bpe(merges=MERGES + ["< s", "<s >"], vocab={
        t: i for i, t in enumerate(["<unk>", "<s>", "</s>"] + BYTES + WORDS + ["<", "s", ">", "<s"])}), PREPEND),
    "whole words (ignore_merges)": tokenizer(bpe(ignore_merges=True), None, {"type": "WhitespaceSplit"}),
}

def main():
    out = []
    for name, definition in TOKENIZERS.items():
        reference = Tokenizer.from_str(json.dumps(definition))
        highest = max(reference.get_vocab().values())
        encode = [{"text": t, "ids": reference.encode(t, add_special_tokens=False).ids} for t in TEXTS]
        decode = []
        for ids in [e["ids"] for e in encode] + [[3 + 0xC3, 3 + 0xA9, 259], [3 + 0xC3, 259], [3 + 0xF0, 3 + 0x9F, 3 + 0xA6], [1, 259, 288, 289, 260],
                                                 [263, 263, 260], [3 + 0x20, 260], [100000, 260], []]:
            decode.append({"ids": ids, "text": reference.decode(ids, skip_special_tokens=True)})
        out.append({"name": name, "highest": highest, "tokenizer": definition, "encode": encode, "decode": decode})
    print(json.dumps(out, ensure_ascii=False, separators=(",", ":")))

if __name__ == "__main__":
    main()
