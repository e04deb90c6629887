#!/usr/bin/env bash
# Builds, checks and times the prefill attention kernels on this machine's GPU (a Hopper: sm_90a), with PyTorch's cuDNN and flash attention as the yardstick.
#   benchmarks/kernels/attention.sh            everything
#   benchmarks/kernels/attention.sh check      no timing        (also: time)
# Logs go to $OUT (default: a new folder under /tmp); the summary is printed last. Exit status 1 if a result is wrong.
set -u
here=$(cd "$(dirname "$0")" && pwd)
kernels=$here/../../slim-infer-cuda/src/main/resources/io/sliminfer/cuda/kernels
OUT=${OUT:-$(mktemp -d)}
mkdir -p "$OUT"
build=$(mktemp -d)
what=${1:-all}
trap 'rm -rf "$build"' EXIT

# name | kernel | dtype | head dimension | more macros. Names starting with check- are built with a bounded wait and small sections, so that a hang is an error and every path is walked.
debug="-DDEBUG_TIMEOUT -DL2_BYTES=400000"
checks="
check-wgmma-bf16-128|2|2|128|$debug
check-wgmma-f16-128|2|1|128|$debug
check-wgmma-bf16-64|2|2|64|$debug
check-wgmma-f16-64|2|1|64|$debug
check-mma-bf16-16|1|2|16|
check-mma-bf16-32|1|2|32|
check-mma-bf16-48|1|2|48|
check-mma-bf16-64|1|2|64|
check-mma-bf16-80|1|2|80|
check-mma-bf16-96|1|2|96|
check-mma-bf16-112|1|2|112|
check-mma-bf16-128|1|2|128|
check-mma-f16-128|1|1|128|
check-f32-64|0|0|64|
check-f32-80|0|0|80|
check-f32-128|0|0|128|
check-f32-256|0|0|256|
check-f32-34|0|0|34|"
times="
wgmma-128|2|2|128|
mma-128|1|2|128|
mma-64|1|2|64|
f32-128|0|0|128|
v128-l2-16m|2|2|128|-DL2_BYTES=16777216
v128-l2-any|2|2|128|-DL2_BYTES=1000000000000LL
wgmma-64|2|2|64|"

list=
[ "$what" != time ] && list+=$checks
[ "$what" != check ] && list+=$times
began=$SECONDS

build_one() {
    IFS='|' read -r name kernel dtype dim macros <<<"$1"
    nvcc -O3 -std=c++17 -gencode=arch=compute_90a,code=sm_90a -Xptxas -v -I"$kernels" -DKERNEL=$kernel -DDTYPE=$dtype -DHEAD_DIM=$dim $macros "-DLABEL=\"$name\"" \
        "$here/attention.cu" -o "$build/$name" >"$OUT/build-$name.log" 2>&1 || echo "FAILED to build $name: $(grep -m1 error "$OUT/build-$name.log")"
    grep -H "C75" "$OUT/build-$name.log"
}
export -f build_one
export here kernels OUT build
echo "$list" | grep . | xargs -d '\n' -P "$(nproc)" -I{} bash -c 'build_one "$1"' _ {} | tee "$OUT/build.log"
echo "built in $((SECONDS - began)) s" | tee -a "$OUT/build.log"

run() { # name, seconds, arguments
    local name=$1 limit=$2
    shift 2
    [ -x "$build/$name" ] || { echo "FAILED $name: not built"; return; }
    timeout -k 5 "$limit" "$build/$name" "$@" 2>&1 || echo "FAILED $name $*: status $?"
}

if [ "$what" != time ]; then
    for line in $checks; do
        case $line in check-*) run "${line%%|*}" 30 check ;; esac
    done | tee "$OUT/check.log"
    for name in check-wgmma-bf16-128 check-mma-bf16-128 check-f32-128; do
        for tool in memcheck racecheck; do
            [ "$tool-$name" = racecheck-check-wgmma-bf16-128 ] && continue # it does not know TMA's writes
            timeout -k 5 30 compute-sanitizer --tool $tool "$build/$name" check quick >"$OUT/$tool-$name.log" 2>&1
            echo "$tool $name: status $?, $(grep -E 'ERROR SUMMARY|RACECHECK SUMMARY' "$OUT/$tool-$name.log" | tail -1)"
        done
    done | tee -a "$OUT/check.log"
fi
if [ "$what" != check ]; then
    {
        run wgmma-128 60 time 1024 4096 8192 16384 32768 65536 65536:8192
        run wgmma-64 60 time 8192 16384 32768 65536
        run mma-128 60 time 8192 32768
        run mma-64 60 time 32768
        run f32-128 60 time 4096 8192
        for line in $times; do
            case $line in v128-*) run "${line%%|*}" 20 time 8192 16384 32768 ;; esac
        done
        run wgmma-128 60 time 32768
        timeout -k 5 90 python3 "$here/cudnn_attention.py" 8192 16384 32768 65536 2>&1
    } | tee "$OUT/time.log"
    command -v cuobjdump >/dev/null && cuobjdump -sass "$build/wgmma-128" >"$OUT/wgmma-128.sass" 2>/dev/null
fi
echo
echo "== summary, $((SECONDS - began)) s, $(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null)"
cat "$OUT"/build.log "$OUT"/check.log "$OUT"/time.log 2>/dev/null
! grep -q FAILED "$OUT"/*.log
