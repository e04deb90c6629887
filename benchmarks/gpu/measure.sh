#!/bin/bash
# Fills the tables of docs/benchmarks/cuda.md on a GPU machine, from .device/ as pack.sh beside this made it. Parts run in the order
# given; what each needs is said there. Results: $OUT/cuda-MODEL-DATE.jsonl (all parts append), $OUT/timelines-PART.tar.gz, tables on
# standard output.
# usage: OUT=FOLDER benchmarks/gpu/measure.sh PART...
# environment: CACHE  folder of compiled kernels and measured products, kept between parts (default /tmp/slim-infer-cache)
#              BASELINE  Python script of part baseline; MODEL  folder of SlimInfer Tiny for part quality
set -uo pipefail
cd "$(dirname "$0")/../.."
: "${OUT:?name a folder for the results: OUT=FOLDER}"
mkdir -p "$OUT"
cache=${CACHE:-/tmp/slim-infer-cache}
main=io.sliminfer.benchmarks.Main
export JVM_OPTS="-Dslim-infer.benchmarks.commit=$(cat .device/commit) ${JVM_OPTS:-}"
failed=0

run() { # one command of the jar; a failure does not keep the next from running
  echo "== $*"
  .device/gpu-java.sh -m benchmarks $main "$@" || { echo "== exit $?"; failed=1; }
}
cuda() { run cuda --out "$OUT" --cache-dir "$cache" "$@"; }
keep_timelines() { # few files come back from the GPU machine
  (cd "$OUT" && ls cuda-timeline-*.jsonl > /dev/null 2>&1 && tar -czf "timelines-$1.tar.gz" cuda-timeline-*.jsonl && rm cuda-timeline-*.jsonl)
}

for part in "$@"; do
  from=$SECONDS
  case $part in
    start) # opening and the first request: kernels not cached, then cached, in processes of their own
      rm -rf "$cache"
      cuda --prompt 8192 --mode dense --rounds 1 --warm-up 0 --tokens 8
      cuda --prompt 8192 --mode dense --rounds 1 --warm-up 0 --tokens 8 ;;
    table) # times and floors, 8K to 64K
      cuda --prompt 8192,16384,32768,65536 --mode dense,pruned --rounds 3 --tokens 32 ;;
    answers) # 64K in, 256 out; decode with all KV, with what pruning left, with decode budgets; where the time goes
      cuda --prompt 65536 --mode dense,pruned,budget --rounds 3 --tokens 256 --profile
      keep_timelines answers ;;
    memory) # device memory of a KV cache that just fits
      cuda --prompt 65536 --mode dense --rounds 1 --warm-up 0 --tokens 8
      cuda --prompt 65536 --mode pruned --rounds 1 --warm-up 0 --tokens 8 ;;
    capped) # 64K with all of the device's memory limited to 24 GB; what does not fit moves to the host, where every block of a prompt that moves has its place (8.6 GB)
      cuda --prompt 65536 --mode dense --rounds 2 --tokens 16 --memory 0,24GB --kv-memory rest --kv-host-memory 9GB --profile
      keep_timelines capped ;;
    long) # 128K, pruned
      cuda --prompt 131072 --mode pruned --rounds 2 --tokens 32 ;;
    weights) # forms of weights in turn, with bf16 first; then each form's operations one by one
      cuda --prompt 8192,65536 --mode dense,pruned --rounds 2 --tokens 48 --weights bf16,int8,q4_0,q4_k
      cuda --prompt 1024 --mode dense --rounds 1 --warm-up 0 --tokens 16 --weights bf16,int8,q8_0,q4_0,q4_k,q6_k --profile
      keep_timelines weights ;;
    small) # 128K, pruned, int8, with all of the device's memory limited to 24 GB
      cuda --prompt 131072 --mode pruned --rounds 2 --tokens 32 --weights int8 --memory 24GB ;;
    quality) # the tiny model answers on the GPU; the same command with --backend cpu elsewhere tells whether answers are the same
      run quality --model "${MODEL:?name the folder of SlimInfer Tiny: MODEL=FOLDER}" --style tiny --tasks all --lengths 1024,4096 --count 5 \
        --backend cuda --compute bf16 --out "$OUT" ;;
    baseline) # what a user would run instead, on the same GPU
      python3 "${BASELINE:?name the script: BASELINE=FILE}" 8192 16384 32768 65536 || failed=1 ;;
    *) echo "no part $part; there are $(sed -nE 's/^    ([a-z]+)\) #.*/\1/p' "$0" | paste -sd' ')" >&2; exit 2 ;;
  esac
  echo "== part $part took $((SECONDS - from)) s"
done
exit $failed
