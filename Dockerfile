# syntax=docker/dockerfile:1
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --profile dist --package api --bin clearlead \
    && cp target/dist/clearlead /clearlead

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/clearlead --create-home clearlead
COPY --from=build /clearlead /usr/local/bin/clearlead
USER clearlead
WORKDIR /var/lib/clearlead
VOLUME /var/lib/clearlead
# Inside a container the loopback address reaches nobody.
ENV CLEARLEAD_SERVER__BIND=0.0.0.0:8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD curl --fail --silent http://127.0.0.1:8080/health/ready || exit 1
ENTRYPOINT ["clearlead"]
CMD ["serve"]
