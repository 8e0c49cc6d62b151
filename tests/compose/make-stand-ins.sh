#!/bin/sh
# Makes stand-ins for the images that the Dockerfile and compose.yaml name, where no registry can
# be reached: from Debian's packages, from the Envoy that the tests run, and from the crates that
# this host has fetched. A name that the engine already has an image for is left alone.
#
# The stand-ins stay as flowguard-stand-in/…, for the next run; the caller takes the names away.
set -eu
cd "$(dirname "$0")/../.."

work=target/compose
names=$work/names
mkdir -p "$work"
: > "$names"

have() {
    docker image inspect "$1" > /dev/null 2>&1
}

# packages NAME VARIANT PACKAGE,...: an image of Debian's packages.
packages() {
    have "flowguard-stand-in/$1" && return
    echo "making flowguard-stand-in/$1 from $3"
    "$mmdebstrap" --quiet --variant="$2" --include="$3" bookworm "$work/$1.tar" \
        "deb http://deb.debian.org/debian bookworm main" \
        "deb http://deb.debian.org/debian-security bookworm-security main"
    docker import "$work/$1.tar" "flowguard-stand-in/$1" > /dev/null
    rm "$work/$1.tar"
}

# image NAME FILE...: an image of the Dockerfile in stand-ins/NAME, with more files beside it.
image() {
    name=$1
    shift
    context=$work/$name
    rm -rf "$context"
    cp -R "tests/compose/stand-ins/$name" "$context"
    for file; do cp -R "$file" "$context/"; done
    docker build --force-rm --tag "flowguard-stand-in/$name" "$context" > "$work/$name.log" 2>&1 || {
        tail -n 30 "$work/$name.log"
        exit 1
    }
    rm -rf "$context"
}

# stand_in IMAGE NAME: from now on IMAGE is the stand-in NAME.
stand_in() {
    have "$1" && return
    docker tag "flowguard-stand-in/$2" "$1"
    echo "$1" >> "$names"
    echo "  $1 is a stand-in"
}

mmdebstrap=$(command -v mmdebstrap || echo "$PWD/$work/mmdebstrap/usr/bin/mmdebstrap")
if ! [ -x "$mmdebstrap" ]; then
    echo "getting mmdebstrap"
    mkdir -p "$work/mmdebstrap"
    (cd "$work/mmdebstrap" && apt-get download -qq mmdebstrap && dpkg-deb --extract mmdebstrap_*.deb .) > "$work/apt.log" 2>&1 || {
        tail -n 5 "$work/apt.log"
        echo "the stand-ins are made with mmdebstrap: run \`apt-get install mmdebstrap\` as root" >&2
        exit 1
    }
fi
# What the image builds find in place of crates.io.
cargo fetch --locked --quiet
cargo xtask filter > /dev/null 2>&1
envoy=$(cargo xtask envoy 2> /dev/null | tail -n 1)
registry=${CARGO_HOME:-$HOME/.cargo}/registry

packages debian minbase ca-certificates
packages distroless extract base-files,libc6,libgcc-s1
packages rust-packages minbase rustc-web,cargo-web,rust-web-src,lld,gcc,libc6-dev
packages monitoring-packages extract prometheus,busybox
packages alertmanager-packages extract prometheus-alertmanager,busybox
packages redis-packages extract redis-server,redis-tools,busybox

# Made anew for other crates only: the engine keeps what it built with the image of before.
crates=flowguard-stand-in/rust:$(cat tests/compose/make-stand-ins.sh Cargo.lock tests/compose/stand-ins/rust/* | sha256sum | cut -c 1-12)
if have "$crates"; then
    docker tag "$crates" flowguard-stand-in/rust
else
    # The library for wasm32 is compiled from its source, which needs crates of its own.
    rm -rf "$work/library" "$work/registry"
    packages_of=$(docker create flowguard-stand-in/rust-packages true)
    docker cp -L "$packages_of:/usr/lib/rustlib/src/rust/library" "$work/library"
    docker rm "$packages_of" > /dev/null
    RUSTC_BOOTSTRAP=1 cargo fetch --locked --quiet --manifest-path "$work/library/Cargo.toml"
    rm -rf "$work/library"
    mkdir "$work/registry"
    cp -R "$registry/index" "$registry/cache" "$work/registry/"
    image rust "$work/registry"
    rm -rf "$work/registry"
    docker tag flowguard-stand-in/rust "$crates"
fi
image envoy "$envoy"
image prometheus
image alertmanager
image grafana
image redis

stand_in rust:1.95-bookworm rust
stand_in debian:bookworm-slim debian
stand_in gcr.io/distroless/cc-debian12:nonroot distroless
for service in envoy prometheus alertmanager grafana; do
    stand_in "$(sed -n "s|^ *image: \(.*/$service:.*\)|\1|p" compose.yaml)" "$service"
done
stand_in "$(sed -n "s|^ *image: \(redis:.*\)|\1|p" compose.yaml)" redis
