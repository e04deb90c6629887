"""Prints what each schedule of recorded quality runs costs, from their case lines.

    python3 benchmarks/quality/front.py [--length TOKENS] [--without TASK,...] docs/benchmarks/quality/FILE.jsonl ...

Columns: mean share of (token, layer) pairs not computed; mean score; pruned minus dense in points (1 point = 0.01 of the score), first
over all tasks, then over those that the dense model gets more than half right, each with its 95 % interval: the mean of the tasks' means, and
a paired bootstrap that draws cases again within each task (10,000 draws, fixed seed). Needs nothing but Python.
"""

import argparse
import json
import random

DRAWS = 10_000


def mean(values):
    return sum(values) / len(values)


def difference(tasks):
    """Mean of the tasks' means with its interval, in points. tasks: one list of differences for each task."""
    rng = random.Random(1)
    draws = sorted(mean([mean(rng.choices(cases, k=len(cases))) for cases in tasks]) for _ in range(DRAWS))
    low, high = draws[int(0.025 * (DRAWS - 1))], draws[int(0.975 * (DRAWS - 1))]
    return "%+.1f [%+.1f, %+.1f]" % (100 * mean([mean(cases) for cases in tasks]), 100 * low, 100 * high)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--length", type=int, help="cases of this length only")
    parser.add_argument("--without", default="", help="tasks to leave out")
    options = parser.parse_args()
    left_out = set(filter(None, options.without.split(",")))

    rows = {}
    for file in options.files:
        with open(file, encoding="utf-8") as lines:
            cases = [line for line in map(json.loads, lines) if line["type"] == "case"]
        cases = [c for c in cases if options.length in (None, c["length"]) and c["task"] not in left_out]
        if not cases:
            parser.error(file + " has no such cases")
        by_task = {}
        for case in cases:
            by_task.setdefault(case["task"], []).append(case)
        known = [task for task, of in by_task.items() if mean([c["dense"]["score"] for c in of]) > 0.5]
        for i, variant in enumerate(p["variant"] for p in cases[0]["pruned"]):
            differences = {
                task: [c["pruned"][i]["score"] - c["dense"]["score"] for c in of] for task, of in by_task.items()
            }
            rows[variant] = (
                mean([c["pruned"][i]["prunedShare"] for c in cases]),
                mean([c["pruned"][i]["score"] for c in cases]),
                difference(list(differences.values())),
                difference([differences[task] for task in known]),
                len(known),
                mean([c["dense"]["score"] for c in cases]),
            )
    print("| Schedule | Not computed | Score | Difference (95 %), points | Tasks with dense above 50 % |")
    print("|---|---|---|---|---|")
    for variant, (share, score, every, known, count, dense) in sorted(rows.items(), key=lambda row: row[1][0]):
        print("| `%s` | %.1f %% | %.3f (dense %.3f) | %s | %s (%d tasks) |" % (variant, 100 * share, score, dense, every, known, count))


if __name__ == "__main__":
    main()
