#!/usr/bin/env bash
# Fuzzes every parser for SECONDS (60 by default) each, one after the other:
#   scripts/fuzz.sh [SECONDS] [TARGET...]
# Ends with 1 as soon as one crashes, hangs or takes too much memory; the input lies in
# fuzz/artifacts then. It starts from fuzz/seeds, one sound input or more for each target, without
# which it would hardly get past the first check; what it learns is kept in fuzz/corpus.
#
# It needs neither nightly Rust nor cargo-fuzz: the coverage that libFuzzer steers by comes from a
# pass of LLVM's that stable Rust lets one ask for. Only sanitizers need nightly, and they watch for
# what safe Rust rules out. `cargo +nightly fuzz run TARGET` works too, where it is installed.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
shift $(($# > 0 ? 1 : 0))
case $seconds in
  '' | *[!0-9]*) echo "usage: scripts/fuzz.sh [SECONDS] [TARGET...]" >&2; exit 2 ;;
esac
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
  for file in $(grep -l fuzz_target fuzz/fuzz_targets/*.rs); do
    targets+=("$(basename "$file" .rs)")
  done
fi
if ! command -v c++ >/dev/null && ! command -v clang++ >/dev/null && [ -z "${CXX:-}" ]; then
  echo "fuzzing is skipped: libFuzzer has to be compiled, and there is no C++ compiler"
  exit 0
fi

host=$(rustc -vV | sed -n 's/^host: //p')
cp Cargo.lock fuzz/Cargo.lock
# With --target, these flags leave build scripts and macros alone.
RUSTFLAGS="--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
-Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares" \
  ${CARGO:-cargo} build --release --manifest-path fuzz/Cargo.toml --target "$host" --bins
built=${CARGO_TARGET_DIR:-fuzz/target}/$host/release

for target in "${targets[@]}"; do
  echo "fuzzing $target for $seconds s"
  mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
  "$built/$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -artifact_prefix="fuzz/artifacts/$target/" \
    -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 \
    -print_final_stats=1 -verbosity=0 || {
    echo "$target failed; run it again with: $built/$target fuzz/artifacts/$target/FILE" >&2
    exit 1
  }
done
echo "nothing was found in ${#targets[@]} targets, $seconds s each"
