# The service with the demo bundle: `docker build -t slirec . && docker run -p 8080:8080 slirec`.
# Another bundle: `-v /path/to/bundle:/bundle:ro -e SLIREC__MODEL__PATH=/bundle`. From an MLflow registry:
# `-v slirec-registry:/var/cache/slirec -e SLIREC__MODEL__PATH=models:/slirec_shopify_model@champion -e MLFLOW_TRACKING_URI=…`.
# For NVIDIA's cards, 2 GB larger: `docker build --build-arg CUDA=1 -t slirec:cuda . && docker run --gpus all -p 8080:8080 slirec:cuda`.

# From a registry of your own: `--build-arg RUST_IMAGE=… --build-arg DEBIAN_IMAGE=…`. Whole names: Podman has no default registry.
ARG RUST_IMAGE=docker.io/library/rust:1.95-slim-bookworm
ARG DEBIAN_IMAGE=docker.io/library/debian:bookworm-slim

# User and group as deploy/kubernetes names them. No log of logins: it has a place for each number below.
FROM ${DEBIAN_IMAGE} AS base
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates libstdc++6 \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 slirec \
 && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin slirec \
 && install --directory --owner=slirec --group=slirec /var/cache/slirec

FROM ${RUST_IMAGE} AS build
ARG CUDA
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# The library first: it changes less often than the code.
COPY scripts/onnxruntime* scripts/
RUN CUDA="${CUDA}" scripts/onnxruntime.sh \
 && mv "vendor/onnxruntime${CUDA:+-cuda}" /onnxruntime
RUN cargo install --locked cargo-auditable@0.7.7 cargo-cyclonedx@0.5.9
COPY . .
COPY --from=base /var/lib/dpkg/status /base.status
# The crates are listed in the program, where scanners find them, and with the image's packages in a file.
# A clone under a strict umask is readable by its owner alone: in the image all users read it.
RUN cargo auditable build --release --locked --package slirec-server --bin slirec-server \
 && python3 scripts/notices.py > THIRD-PARTY.txt \
 && CUDA="${CUDA}" DEBIAN=/base.status TOOL=/usr/local/cargo/bin scripts/sbom.sh \
 && mv work/sbom/slirec-server.cdx.json sbom.cdx.json \
 && chmod -R a+rX LICENSE THIRD-PARTY.txt sbom.cdx.json models/demo

FROM base
ARG CUDA
WORKDIR /opt/slirec
# With ONNX Runtime's own licence and notices.
COPY --from=build /onnxruntime onnxruntime
COPY --from=build /build/target/release/slirec-server /usr/local/bin/
# Ours, the notices of the crates that are linked, and what the image is made of.
COPY --from=build /build/LICENSE /build/THIRD-PARTY.txt /build/sbom.cdx.json ./
COPY --from=build /build/models/demo models/demo
ENV ORT_DYLIB_PATH=/opt/slirec/onnxruntime/libonnxruntime.so \
    SLIREC__SERVER__HOST=0.0.0.0 \
    SLIREC__REGISTRY__CACHE=/var/cache/slirec \
    SLIREC__ENGINE__EXECUTION_PROVIDERS=${CUDA:+cuda,}cpu \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["slirec-server", "--probe"]
ENTRYPOINT ["slirec-server"]
