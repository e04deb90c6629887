#!/usr/bin/env bash
# Builds packed.cu for the forms of weights, checks its products of few rows and times those of one row on this machine's GPU (about 60 s). From the
# repository root:
#   benchmarks/kernels/packed.sh [FORM ...]   numbers at the head of the kernels' packed.cu (default: 0 1 2 6 8)
# KERNELS: folder of another packed.cu to compare with. ONE_STAGES: pieces on their way in products of one row. ARCH: sm_90a where there is no GPU; then it compiles only. Logs go to $OUT, or beside the binaries
# in benchmarks/target/kernels. Needs nvcc (PATH or /usr/local/cuda/bin). A failed check ends it with 1.
set -euo pipefail
cd "$(dirname "$0")/../.."
own=slim-infer-cuda/src/main/resources/io/sliminfer/cuda/kernels
kernels=${KERNELS:-$own}
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
logs=${OUT:-benchmarks/target/kernels}
mkdir -p "$logs"
export PATH=$PATH:/usr/local/cuda/bin
arch=${ARCH:-}
if [ -z "$arch" ]; then
    capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader --id=0 | tr -d .)
    [ "$capability" = 90 ] && arch=sm_90a || arch=sm_$capability
fi
forms=${*:-0 1 2 6 8}
piece_bytes=(4096 4352 2304 2560 2816 3072 2368 2880 3360)
for form in $forms; do
    # As io.sliminfer.cuda.PackedForm: what fits twice into a multiprocessor, 6 at most.
    stages=$((((114 << 10) - 11264) / (8 * piece_bytes[form])))
    [ "$stages" -gt 6 ] && stages=6
    one_stages=${ONE_STAGES:-3}
    [ "$one_stages" -gt "$stages" ] && one_stages=$stages
    echo "nvcc -O2 -std=c++17 -arch=$arch -I $kernels -I $own -DDTYPE=2 -DFORM=$form -DSTAGES=$stages -DONE_STAGES=$one_stages -o $build/packed-$form benchmarks/kernels/packed.cu"
done | xargs -P "$(nproc)" -I{} bash -c '{}'
[ -z "${ARCH:-}" ] || exit 0
run() {
    local status=0 form
    for form in $forms; do "$build/packed-$form" || status=1; done
    return $status
}
run 2>&1 | tee "$logs/packed.log"
