#!/usr/bin/env bash
# Builds attend_decode.cu and gemv.cu in all variants, checks them against float64 loops and times them. Run from the repository root on a machine with an
# NVIDIA GPU and nvcc:
#   benchmarks/kernels/decode.sh            checks, then times (about 90 s); full figures in $OUT/decode.log
#   benchmarks/kernels/decode.sh --chain    the kernels of decode steps in a row, with and without launch overlap: 1000 overlapped steps must give the bits of
#                                           those in order; times with several gemv variants (about 40 s); full figures in $OUT/chain.log
#   benchmarks/kernels/decode.sh --small    few variants and small sizes, no timing
#   benchmarks/kernels/decode.sh --sanitize the small checks under compute-sanitizer's memcheck and racecheck
#   benchmarks/kernels/decode.sh --build    compiles only (ARCH=sm_90a where there is no GPU)
# OUT: where cubins and logs go (default: a new temporary folder). A failed check ends it with 1.
set -euo pipefail
cd "$(dirname "$0")/../.."
kernels=slim-infer-cuda/src/main/resources/io/sliminfer/cuda/kernels
mode=${1:-full}
case $mode in full | --chain | --small | --sanitize | --build) ;; *) echo "unknown option $mode: --chain, --small, --sanitize or --build" >&2; exit 2 ;; esac
out=${OUT:-$(mktemp -d)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

arch=${ARCH:-}
if [ -z "$arch" ]; then
    capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -1 | tr -d .)
    [ "$capability" = 90 ] && arch=sm_90a || arch=sm_$capability
fi
export arch kernels work

# One cubin a line: file name (its fields tell decode.cu what is in it), source, macros.
variants() {
    local type dim group
    attend() { echo "attend-$1-$2-$3-$4-$5.cubin attend_decode.cu -DDTYPE=$1 -DHEAD_DIM=$2 -DGROUP=$3 -DWARPS=$4 -DSTAGES=$5"; }
    gemv() { echo "gemv-$1-$2-$3-$4.cubin gemv.cu -DDTYPE=$1 -DWARPS=$2 -DSTAGES=$3 -DDEPTH=$4"; }
    if [ "$mode" = --small ] || [ "$mode" = --sanitize ]; then
        attend 0 80 7 4 2; attend 0 128 16 4 2; attend 1 64 16 4 3; attend 2 80 7 4 3; attend 2 128 4 4 3
        gemv 0 8 3 128; gemv 1 8 3 128; gemv 2 8 3 128; gemv 2 8 4 64
        return
    fi
    echo "elementwise-2.cubin elementwise.cu -DDTYPE=2"
    echo "rope-2-128.cubin rope.cu -DDTYPE=2 -DHEAD_DIM=128"
    echo "prune-2-128.cubin prune.cu -DDTYPE=2 -DHEAD_DIM=128"
    if [ "$mode" = --chain ]; then
        attend 2 128 4 4 3
        gemv 2 8 3 128; gemv 2 8 4 64; gemv 2 16 3 64
        return
    fi
    for type in 0 1 2; do
        gemv $type 8 3 128; gemv $type 8 4 64
        for dim in 64 80 96; do
            for group in 1 7 8 16; do attend $type $dim $group 4 $((type == 0 ? 2 : 3)); done
        done
        for group in 1 2 4 7 8 16; do attend $type 128 $group 4 $((type == 0 ? 2 : 3)); done
    done
    # Only timed and checked for bf16, 4 query heads on each of 128.
    attend 2 128 4 4 2; attend 2 128 4 4 4; attend 2 128 4 8 2; attend 2 128 4 8 3; attend 2 128 4 2 4; attend 2 128 4 2 6
    gemv 2 8 3 64; gemv 2 8 6 64; gemv 2 4 4 64; gemv 2 4 4 128; gemv 2 16 3 64
}
compile() {
    local file=$1 source=$2
    shift 2
    nvcc -cubin -gencode=arch=compute_${arch#sm_},code=$arch -std=c++17 -Xptxas -v "$@" "$kernels/$source" -o "$work/$file" >"$work/$file.log" 2>&1 ||
        { cat "$work/$file.log" >&2; exit 255; }
}
export -f compile
started=$SECONDS
{
    # With cuBLASLt as yardstick where its headers are.
    lt=$(printf '#if !__has_include(<cublasLt.h>)\n#error\n#endif\n' >"$work/lt.cu" && nvcc -E "$work/lt.cu" >/dev/null 2>&1 && echo -lcublasLt || true)
    nvcc -O2 -std=c++17 -gencode=arch=compute_${arch#sm_},code=$arch benchmarks/kernels/decode.cu -o "$work/decode" $lt
} &
program=$!
variants | xargs -P "$(nproc)" -L 1 bash -c 'compile "$@"' _
wait $program
grep -H -E "[1-9][0-9]* bytes spill" "$work"/*.log && echo "registers spill (variants, or another compiler than the one they were written with)" >&2
grep -E "Compiling|Used" "$work"/*.log | sed "s|$work/||" >"$out/registers.txt"
echo "built $(ls "$work"/*.cubin | wc -l) cubins for $arch in $((SECONDS - started)) s"

case $mode in
--build) ;;
--chain) "$work/decode" "$work" --chain 2>&1 | tee "$out/chain.log" | awk '/^SUMMARY/ { on = 1 } on || /FAIL|check/' ;;
--small) "$work/decode" "$work" --small ;;
--sanitize)
    for tool in memcheck racecheck; do
        echo "== $tool"
        compute-sanitizer --tool $tool --error-exitcode 1 "$work/decode" "$work" --small 2>&1 | tee "$out/$tool.log" | tail -15
    done
    ;;
full) "$work/decode" "$work" 2>&1 | tee "$out/decode.log" | awk '/^SUMMARY/ { on = 1 } on || /FAIL|checks passed|SEED/' ;;
esac
