# The service with the demo bundle: `docker build -t slirec . && docker run -p 8080:8080 slirec`.
# Another bundle: `-v /path/to/bundle:/bundle:ro -e SLIREC__MODEL__PATH=/bundle`. From an MLflow registry:
# `-v slirec-registry:/var/cache/slirec -e SLIREC__MODEL__PATH=models:/slirec_shopify_model@champion -e MLFLOW_TRACKING_URI=…`.

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# The library first: it changes less often than the code.
COPY scripts scripts
RUN scripts/onnxruntime.sh
COPY . .
RUN cargo build --release --locked --package slirec-server --bin slirec-server

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates libstdc++6 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin slirec \
 && install --directory --owner=10001 /var/cache/slirec
WORKDIR /opt/slirec
COPY --from=build /build/vendor/onnxruntime/libonnxruntime.so.* /build/vendor/onnxruntime/LICENSE /build/vendor/onnxruntime/ThirdPartyNotices.txt ./
COPY --from=build /build/target/release/slirec-server /usr/local/bin/
COPY models/demo models/demo
RUN ln -s libonnxruntime.so.* libonnxruntime.so
ENV ORT_DYLIB_PATH=/opt/slirec/libonnxruntime.so \
    SLIREC__SERVER__HOST=0.0.0.0 \
    SLIREC__REGISTRY__CACHE=/var/cache/slirec
USER 10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["slirec-server", "--probe"]
ENTRYPOINT ["slirec-server"]
