# One gateway: `tollbook serve`. PostgreSQL, Redis and the services are elsewhere.
FROM oven/bun:1.4.5-slim AS packages
WORKDIR /app
COPY package.json bun.lock ./
# The embedded PostgreSQL is for `tollbook up`; an image that serves has no use for it.
RUN bun install --frozen-lockfile --production --omit optional

FROM oven/bun:1.4.5-slim
WORKDIR /app
# Bun's own limit of 256 calls to services at once would queue the rest while their time runs.
ENV NODE_ENV=production PORT=3030 BUN_CONFIG_MAX_HTTP_REQUESTS=8192
COPY --from=packages /app/node_modules node_modules
COPY package.json tollbook.yaml tsconfig.json ./
COPY events events
COPY projections projections
COPY src src
USER bun
EXPOSE 3030
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["bun", "-e", "process.exit((await fetch(`http://127.0.0.1:${process.env.PORT}/health`)).ok ? 0 : 1)"]
ENTRYPOINT ["bun", "src/cli.ts"]
CMD ["serve"]
