# syntax=docker/dockerfile:1
# For a reproducible build, append the digests that `docker buildx imagetools inspect IMAGE` prints:
#   docker build --build-arg NODE_IMAGE=node:24-bookworm-slim@sha256:… --build-arg BASE_IMAGE=debian:bookworm-slim@sha256:… .
ARG NODE_IMAGE=node:24-bookworm-slim
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json schema.graphql ./
COPY scripts/build.mjs scripts/explorer.mjs scripts/
COPY explorer explorer
COPY src src
RUN npm run build
RUN npm prune --omit=dev --ignore-scripts

# Without npm, yarn and corepack: the runtime needs the program node only. It has its own certificates.
FROM ${BASE_IMAGE}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="helpcrunch-graphql"
LABEL org.opencontainers.image.description="A typed GraphQL API in front of the HelpCrunch REST API v1"
LABEL org.opencontainers.image.licenses="MIT"
LABEL org.opencontainers.image.version="${VERSION}"
LABEL org.opencontainers.image.revision="${REVISION}"
COPY --from=build /usr/local/bin/node /usr/local/bin/
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json schema.graphql LICENSE ./
ENV NODE_ENV=production
ENV HOST=0.0.0.0
ENV PORT=4000
# A number, so that Kubernetes can verify that it is not root.
USER 1000:1000
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["node", "-e", "const { HOST, PORT, BASE_PATH } = process.env; const host = { '0.0.0.0': '127.0.0.1', '::': '::1' }[HOST] || HOST || '127.0.0.1'; const request = { host, port: PORT, path: path.posix.join(BASE_PATH || '/', 'healthz'), headers: { host: 'localhost' } }; http.get(request, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
CMD ["node", "dist/main.js"]
