#!/bin/bash
# Packs what the commands cuda, quality and speed need on a GPU machine without Java into .device/ : a thin call of a packer that
# is no part of this repository, and the removal of what such a run does not touch. Call it from the root of the repository.
# usage: benchmarks/gpu/pack.sh PACKER [--cpu | --tests] [PACKER's options]
#   PACKER   script that packs modules
#   --cpu    for the machine's processor instead: oneDNN and llama.cpp, without CUDA
#   --tests  keep test classes, golden cases and assertj, so that gpu-test.sh runs from the same folder
# environment: LIMIT_MIB (default 60), MVN_FLAGS (e.g. -o)
set -euo pipefail
die() { echo "pack.sh: $*" >&2; exit 1; }
[ $# -ge 1 ] && [ -x "$1" ] || die "name the packer: $(sed -n 's/^# usage: //p' "$0")"
packer=$1; shift
tests=0; [ "${1:-}" = --tests ] && { tests=1; shift; }
cpu=0; [ "${1:-}" = --cpu ] && { cpu=1; shift; }
limit=${LIMIT_MIB:-60}

exclude=(
  # LongBench's Chinese word counts; counting tokens of other vendors; JSON schemas of tools; templates of prompts
  'jieba-*' 'jtokkit-*' 'json-schema-validator-*' 'jsonschema-*' 'swagger-annotations-*' 'classmate-*' 'itu-*' 'ST4-*' 'antlr*'
  # of Spring what an application context needs: the commands make their chat model themselves and only call it
  'spring-context-*' 'spring-beans-*' 'spring-aop-*' 'spring-expression-*' 'spring-messaging-*' 'spring-boot-autoconfigure-*'
  'spring-ai-client-chat-*' 'spring-ai-template-*' 'reactor-core-*' 'micrometer-core-*' 'HdrHistogram-*' 'LatencyUtils-*' 'snakeyaml-*'
  # what the tokenizer's library uses to download models
  'commons-compress-*' 'commons-lang3-*' 'commons-io-*' 'commons-codec-*'
  # mocks of tests
  'mockito*' 'objenesis*'
)
modules=java.base,java.desktop,java.logging,java.management,java.naming,java.sql,java.xml,jdk.incubator.vector,jdk.management,jdk.unsupported,jdk.zipfs
[ $tests = 1 ] || exclude+=('assertj-*' 'byte-buddy*')
# natives of what does not run
if [ $cpu = 1 ]; then
  exclude+=('cuda-*'); packed=(slim-infer-core benchmarks)
else
  exclude+=('dnnl-*-linux-x86_64*' 'opencl-*' 'llama-*'); packed=(slim-infer-core slim-infer-cuda benchmarks)
fi
options=(); for glob in "${exclude[@]}"; do options+=(--exclude "$glob"); done
rm -rf .device
# The size is judged below, after the removals. 141 is a broken pipe in the packer's list of large files, when all is packed.
"$packer" -C . --limit 400 --jre-modules $modules "${options[@]}" "$@" "${packed[@]}" > /dev/null || [ $? = 141 ] || die "the packer failed"
[ -x .device/gpu-java.sh ] && [ -s .device/jre.tar.xz ] || die "the packer left no .device/gpu-java.sh and jre.tar.xz"

# The tiny model travels by itself (README.md beside this); its classes folder holds nothing else of size.
rm -f .device/dirs/samples_tiny-model_classes/slim-infer-tiny/*.safetensors
rm -rf .device/dirs/benchmarks_test-classes
if [ $tests = 0 ]; then
  rm -rf .device/dirs/*_test-classes
  rm -f .device/junit-console.jar
fi
# Only this system's tokenizer.
for jar in .device/lib/tokenizers-*.jar; do
  zip -qd "$jar" 'native/lib/win-*' 'native/lib/osx-*' 'native/lib/linux-aarch64/*' || die "zip could not shrink $jar"
done
# Only this system's llama.cpp.
for jar in .device/lib/llama-*.jar; do
  [ ! -e "$jar" ] || zip -qd "$jar" 'de/kherud/llama/Windows/*' 'de/kherud/llama/Mac/*' 'de/kherud/llama/Linux/aarch64/*' 'de/kherud/llama/Linux-Android/*' > /dev/null || [ $? = 12 ] || die "zip could not shrink $jar"
done
# Results name the commit; the copy on the GPU machine is no checkout.
commit=$(git rev-parse HEAD); git diff --quiet HEAD || commit+=-modified
echo "$commit" > .device/commit

bytes=$(find .device -type f -printf '%s\n' | awk '{s += $1} END {print s}')
tree=$(git ls-files -coz --exclude-standard | xargs -0 -r stat -c %s 2> /dev/null | awk '{s += $1} END {print s}')
awk -v d="$bytes" -v t="$tree" 'BEGIN {printf ".device/ %.1f MiB, tree %.1f MiB\n", d / 1048576, t / 1048576}'
find .device -type f -printf '%s %P\n' | sort -rn | awk 'NR <= 8 {printf "  %6.1f MiB  %s\n", $1 / 1048576, $2}'
[ "$bytes" -le $((limit * 1048576)) ] || die "larger than $limit MiB"
