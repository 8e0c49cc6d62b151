# The images of FlowGuard, each a target:
#
#   control-plane   the binary `flowguard`, without a shell
#   envoy-config    writes Envoy's configuration and the filter into a volume, and ends
#   mock-llm        an upstream to try FlowGuard with
#
# No step needs BuildKit. The stages stand in such an order that an engine without it, which
# builds every stage down to the target, builds little that the target does not use.

# What decides on the dependencies: the manifests, and an empty file for each target they name.
# It stays the same, and so do the layers after it, as long as only sources change.
FROM rust:1.95-bookworm AS skeleton
WORKDIR /flowguard
COPY . .
RUN find . -type f \
        ! -name Cargo.toml ! -name Cargo.lock ! -name build.rs \
        ! -path '*/src/lib.rs' ! -path '*/src/main.rs' ! -path '*/src/bin/*/main.rs' ! -path '*/fuzz/src/bin/*.rs' ! -path '*/benches/*.rs' \
        -delete \
    && find . -type d -empty -delete \
    && printf '//! Empty.\n#![allow(dead_code)]\nfn main() {}\n' > /tmp/empty \
    && find . -name '*.rs' -exec cp /tmp/empty {} ';'

# The dependencies of the control plane and of the filter.
FROM rust:1.95-bookworm AS dependencies
RUN rustup target add wasm32-unknown-unknown
WORKDIR /flowguard
# The images are to be small. Names of functions stay, for backtraces.
ENV CARGO_PROFILE_RELEASE_DEBUG=false CARGO_PROFILE_RELEASE_STRIP=debuginfo
COPY --from=skeleton /flowguard .
RUN cargo build --locked --release --package flowguard
RUN cargo build --locked --profile wasm --package flowguard-filter --lib --target wasm32-unknown-unknown

# Sources may be older than what was built from the empty ones; cargo goes by their times.
FROM dependencies AS build
COPY . .
RUN find . -path ./target -prune -o -name '*.rs' -exec touch {} + \
    && cargo build --locked --release --package flowguard \
    && cargo build --locked --profile wasm --package flowguard-filter --lib --target wasm32-unknown-unknown \
    && mkdir -p /out/shared \
    && cp target/release/flowguard target/wasm32-unknown-unknown/wasm/filter.wasm /out

FROM gcr.io/distroless/cc-debian12:nonroot AS control-plane
COPY --from=build /out/flowguard /usr/local/bin/flowguard
# A volume that is mounted here for the first time takes over the folder's owner.
COPY --from=build --chown=65532:65532 /out/shared /var/lib/flowguard
# The listeners are for other containers; what the host publishes is for compose.yaml to say.
ENV BIND_ADDRESS=0.0.0.0 DATA_DIR=/var/lib/flowguard
USER 65532:65532
EXPOSE 9090 9091 9092 9095
HEALTHCHECK --interval=5s --timeout=3s --start-period=5s --retries=3 CMD ["/usr/local/bin/flowguard", "health"]
ENTRYPOINT ["/usr/local/bin/flowguard"]

FROM debian:bookworm-slim AS envoy-config
COPY --from=build /out/flowguard /usr/local/bin/flowguard
COPY --from=build /out/filter.wasm /usr/local/share/flowguard/filter.wasm
# A volume that is mounted here for the first time takes over the folder's owner.
COPY --from=build --chown=65532:65532 /out/shared /etc/flowguard
COPY envoy/write-config.sh /usr/local/bin/write-config
ENV BIND_ADDRESS=0.0.0.0
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/write-config", "/etc/flowguard"]

FROM dependencies AS mock-llm-dependencies
RUN cargo build --locked --release --package flowguard-mock-llm

FROM mock-llm-dependencies AS mock-llm-build
COPY . .
RUN find . -path ./target -prune -o -name '*.rs' -exec touch {} + \
    && cargo build --locked --release --package flowguard-mock-llm \
    && mkdir /out && cp target/release/mock-llm /out

FROM gcr.io/distroless/cc-debian12:nonroot AS mock-llm
COPY --from=mock-llm-build /out/mock-llm /usr/local/bin/mock-llm
USER 65532:65532
EXPOSE 8000
ENTRYPOINT ["/usr/local/bin/mock-llm", "--bind", "0.0.0.0", "--port", "8000"]
