#!/bin/bash
# Builds and runs misc.cu: checks and times the kernels of elementwise.cu, rope.cu and prune.cu on this machine's GPU. Run from the repository root.
#
#   benchmarks/kernels/misc.sh              checks, then timings
#   benchmarks/kernels/misc.sh --sanitize   the small checks under compute-sanitizer's memcheck and racecheck instead
#
# Needs nvcc (PATH or /usr/local/cuda/bin). SEED=n repeats the inputs of a run. Logs go to $OUT, or beside the binaries in benchmarks/target/kernels.
set -euo pipefail
kernels=slim-infer-cuda/src/main/resources/io/sliminfer/cuda/kernels
build=benchmarks/target/kernels
logs=${OUT:-$build}
export PATH=$PATH:/usr/local/cuda/bin
mkdir -p $build "$logs"

capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader --id=0 | tr -d .)
[ "$capability" = 90 ] && capability=90a

{
    echo "nvcc -O2 -std=c++17 -arch=sm_${capability%a} -o $build/misc benchmarks/kernels/misc.cu"
    for dtype in 0 1 2; do
        cubin="nvcc -cubin -lineinfo -arch=sm_$capability -DDTYPE=$dtype"
        echo "$cubin -o $build/elementwise_d$dtype.cubin $kernels/elementwise.cu"
        dims="30 32 36 64 80 96 128 250 256"
        [ $dtype = 1 ] && dims="64 128"
        for dim in $dims; do
            for kernel in rope prune; do
                echo "$cubin -DHEAD_DIM=$dim -o $build/${kernel}_d${dtype}_h$dim.cubin $kernels/$kernel.cu"
            done
        done
    done
} | xargs -P "$(nproc)" -I{} bash -c '{}'

if [ "${1:-}" = --sanitize ]; then
    status=0
    for tool in memcheck racecheck; do
        echo "== $tool"
        timeout 240 compute-sanitizer --tool $tool --error-exitcode 9 $build/misc $build --small > "$logs/misc-$tool.log" 2>&1 || { status=$?; echo "exit status $status"; }
        tail -n 4 "$logs/misc-$tool.log"
    done
    exit $status
fi
$build/misc $build 2>&1 | tee "$logs/misc.log"
