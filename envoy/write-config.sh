#!/bin/sh
# Writes what Envoy needs into the folder FOLDER: write-config FOLDER [option of envoy-config]...
#
# An Envoy that runs follows the folder: another setting, filter or certificate reaches it with this
# script's next run. Files are written aside and renamed, so that it reads an old one or a new one and
# never a half, and settings that are refused replace nothing.
set -eu

folder=$1
shift

put() {
    cp "$1" "$folder/.new"
    mv "$folder/.new" "$folder/$2"
}

flowguard settings > /dev/null
put /usr/local/share/flowguard/filter.wasm filter.wasm
# Certificates to trust, if any were mounted here. Envoy reads a file again only under another name.
certificates=/run/upstream-ca.pem
keep=none
if [ -s "$certificates" ]; then
    keep=upstream-ca-$(sha256sum < "$certificates" | cut -c 1-16).pem
    put "$certificates" "$keep"
    export UPSTREAM_CA_FILE="$folder/$keep"
fi
# The token that Envoy shows to the control plane, where one is mounted in Envoy's container.
if [ -n "${DECIDE_TOKEN_FILE:-}" ]; then
    set -- "$@" --decide-token-file "$DECIDE_TOKEN_FILE"
fi
flowguard envoy-config --filter "$folder/filter.wasm" --discovery-folder "$folder" "$@"
find "$folder" -name 'upstream-ca-*.pem' ! -name "$keep" -delete
