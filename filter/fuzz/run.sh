#!/bin/sh
# Feeds each fuzz target for a minute, its seeds first. What it finds of new paths stays in the
# target folder, for the next run; a crash is written to filter/fuzz/artifacts.
#
# Exit code 77 means skipped: cargo-fuzz is not there and can't be installed.
set -eu
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-target}/fuzz
if ! cargo fuzz --version > /dev/null 2>&1; then
    echo "installing cargo-fuzz"
    cargo install --quiet --locked cargo-fuzz || {
        echo "skipped: cargo-fuzz can't be installed"
        exit 77
    }
fi
for name in usage; do
    mkdir -p "$target/corpus/$name"
    # Coverage needs a compiler flag that is not stable yet; the code itself is.
    RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$target" cargo fuzz run --fuzz-dir filter/fuzz --sanitizer none \
        "$name" "$target/corpus/$name" "filter/fuzz/seeds/$name" -- \
        -max_total_time="${FUZZ_SECONDS:-60}" -dict="filter/fuzz/$name.dict" -max_len=8192 -verbosity=0 -print_final_stats=1
done
