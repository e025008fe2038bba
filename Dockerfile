# syntax=docker/dockerfile:1
# The one binary, in an image that holds little else. compose.yaml runs it as api, worker and sandbox.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# The caches are kept between builds, but are not part of the layer; so the binary is copied out of them.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked -p cli --bin virtual-cards && \
    cp target/release/virtual-cards /usr/local/bin/virtual-cards

FROM debian:bookworm-slim
# Certificates for calls to third parties; curl for the health checks.
RUN apt-get update && \
    apt-get install -y --no-install-recommends ca-certificates curl && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --system --uid 10001 --no-create-home virtual-cards && \
    install -d -o virtual-cards -m 700 /var/lib/virtual-cards/keys
COPY --from=build /usr/local/bin/virtual-cards /usr/local/bin/virtual-cards
USER virtual-cards
ENTRYPOINT ["virtual-cards"]
CMD ["api"]
