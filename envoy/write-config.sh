#!/bin/sh
# Writes what Envoy needs into the folder FOLDER: write-config FOLDER [option of envoy-config]...
#
# Both files are written aside and renamed: an Envoy that starts meanwhile reads an old file or a
# new one, never a half, and a configuration that is refused replaces nothing.
set -eu

folder=$1
shift

flowguard envoy-config --filter "$folder/filter.wasm" "$@" > "$folder/.envoy.yaml"
cp /usr/local/share/flowguard/filter.wasm "$folder/.filter.wasm"
mv "$folder/.filter.wasm" "$folder/filter.wasm"
mv "$folder/.envoy.yaml" "$folder/envoy.yaml"
