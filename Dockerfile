# Tollbook as one executable on a bare Debian. PostgreSQL, Redis and the upstreams run elsewhere.
FROM oven/bun:1.4.5-slim AS build
WORKDIR /app
COPY package.json bun.lock ./
# Only `tollbook up` needs the embedded PostgreSQL, and this image runs `serve`.
RUN bun install --frozen-lockfile --production --omit optional
COPY tsconfig.json tollbook.yaml ./
COPY events events
COPY projections projections
COPY src src
RUN bun run compile

FROM debian:12-slim
WORKDIR /app
COPY --from=build /app/dist/tollbook /usr/local/bin/tollbook
# The configuration that `serve` reads by default: mount another file over it to sell something else.
COPY tollbook.yaml ./
# Where `serve --state` can keep the high-water mark of the log.
RUN mkdir /state && chown 65532:65532 /state
# Metrics are for the network of the container: publish port 9464 to Prometheus only.
ENV PORT=3030 METRICS_HOST=0.0.0.0 METRICS_PORT=9464
USER 65532:65532
EXPOSE 3030 9464
STOPSIGNAL SIGTERM
# The executable contains Bun: with BUN_BE_BUN it runs the line that checks the gateway.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD BUN_BE_BUN=1 tollbook -e 'process.exit((await fetch("http://127.0.0.1:" + process.env.PORT + "/health")).ok ? 0 : 1)'
ENTRYPOINT ["tollbook"]
CMD ["serve"]
