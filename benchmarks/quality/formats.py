"""Compares forms of weights question by question: recorded quality runs of the same cases, each with its weights in another form.

    python3 benchmarks/quality/formats.py [--by-length] NAME=FILE.jsonl[,FILE.jsonl...] NAME=FILE.jsonl...

Files may be compressed (.gz).

The first one is what the others are compared with, on the cases that both have. Columns: cases; mean score, dense and pruned, of the two on
those cases; difference in points (1 point = 0.01 of the score) with its 95 % interval: a paired bootstrap over cases (10,000 draws, fixed
seed), widened by 1 - 0.025^(1/n) where all differences are the same, as a bootstrap would then claim to be certain; answers whose text is
another one. Needs nothing but Python.
"""

import argparse
import gzip
import json
import random

DRAWS = 10_000


def mean(values):
    return sum(values) / len(values)


def interval(differences):
    """The mean with its interval, in points."""
    n = len(differences)
    if len(set(differences)) == 1:
        room = 1 - 0.025 ** (1 / n)
        low, high = differences[0] - room, differences[0] + room
    else:
        rng = random.Random(1)
        draws = sorted(mean(rng.choices(differences, k=n)) for _ in range(DRAWS))
        low, high = draws[int(0.025 * (DRAWS - 1))], draws[int(0.975 * (DRAWS - 1))]
    return "%+.1f [%+.1f, %+.1f]" % (100 * mean(differences), 100 * low, 100 * high)


def read(files):
    """Cases by id; a case has a dense answer and one pruned answer."""
    cases = {}
    for file in files.split(","):
        with (gzip.open if file.endswith(".gz") else open)(file, "rt", encoding="utf-8") as lines:
            for line in map(json.loads, lines):
                if line["type"] == "case":
                    cases[line["id"]] = {"length": line["length"], "dense": line["dense"], "pruned": line["pruned"][0]}
    return cases


def row(name, base, other, ids):
    cells = [name, str(len(ids))]
    for way in ("dense", "pruned"):
        before = [base[i][way] for i in ids]
        after = [other[i][way] for i in ids]
        cells.append("%.3f (%.3f)" % (mean([a["score"] for a in after]), mean([b["score"] for b in before])))
        cells.append(interval([a["score"] - b["score"] for a, b in zip(after, before)]))
        cells.append(str(sum(a["answer"] != b["answer"] for a, b in zip(after, before))))
    print("| " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--by-length", action="store_true", help="a row for each length instead of one for all")
    parser.add_argument("runs", nargs="+", metavar="NAME=FILES")
    arguments = parser.parse_args()
    runs = [run.split("=", 1) for run in arguments.runs]
    if any(len(run) != 2 for run in runs):
        parser.error("a run is NAME=FILE.jsonl")
    base_name, base_files = runs[0]
    base = read(base_files)
    print("| Weights | Cases | Dense score (%s) | Dense difference, points (95 %%) | other answers | Pruned score (%s) | Pruned difference | other answers |" % (base_name, base_name))
    print("|---|---|---|---|---|---|---|---|")
    for name, files in runs[1:]:
        other = read(files)
        ids = [i for i in base if i in other]
        if not ids:
            parser.error(name + " has no case of " + base_name)
        if arguments.by_length:
            for length in sorted({base[i]["length"] for i in ids}):
                row("%s, %s" % (name, format(length, ",")), base, other, [i for i in ids if base[i]["length"] == length])
        else:
            row(name, base, other, ids)


if __name__ == "__main__":
    main()
