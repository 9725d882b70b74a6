import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

// The same path from `src` and from `dist`.
const explorerFolder = new URL('../../../dist/explorer/', import.meta.url);

const gunzipAsync = promisify(gunzip);

const contentTypes = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
} as const;

interface ExplorerPage {
  readonly path: string;
  readonly file: string;
  readonly type: keyof typeof contentTypes;
  readonly policy?: string;
}

/** Pages may connect to this server only. Both explorers use inline styles. */
const basePolicy = [
  "default-src 'none'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
];

/** Sandbox runs in a frame of Apollo; its script on our page sends the requests. */
const sandboxPolicy = [
  ...basePolicy,
  "script-src 'self' https://embeddable-sandbox.cdn.apollographql.com",
  'frame-src https://sandbox.embed.apollographql.com',
].join('; ');

const explorerPolicy = [...basePolicy, "script-src 'self'", "worker-src 'self'"].join('; ');

const asset = (file: string, type: ExplorerPage['type']): ExplorerPage => ({
  path: `/explorer/${file}`,
  file,
  type,
});

const pages: readonly ExplorerPage[] = [
  { path: '/', file: 'sandbox.html', type: 'html', policy: sandboxPolicy },
  { path: '/explorer', file: 'explorer.html', type: 'html', policy: explorerPolicy },
  ...['sandbox', 'explorer', 'graphiql'].flatMap((name) => [
    asset(`${name}.js`, 'js'),
    asset(`${name}.css`, 'css'),
  ]),
  asset('graphql-sse.js', 'js'),
  ...['editor', 'graphql', 'json'].map((name) => asset(`${name}.worker.js`, 'js')),
  asset('icon.svg', 'svg'),
];

const acceptsGzip = ({ headers }: FastifyRequest): boolean =>
  /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(headers['accept-encoding'] ?? '');

interface Asset {
  readonly compressed: Buffer;
  readonly etag: string;
  /** Decompressed on first use and kept. */
  plain(): Promise<Buffer>;
}

/** Caches the result of `load` unless it fails. */
function once<Value>(load: () => Promise<Value>): () => Promise<Value> {
  let loading: Promise<Value> | undefined;
  return () => {
    loading ??= load().catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
}

async function loadAsset(file: string): Promise<Asset> {
  const compressed = await readFile(new URL(`${file}.gz`, explorerFolder));
  const digest = createHash('sha256').update(compressed).digest('base64url');
  const etag = `"${digest.slice(0, 22)}"`;
  return { compressed, etag, plain: once(() => gunzipAsync(compressed)) };
}

/** Apollo Sandbox at `/`, and an offline explorer at `/explorer`. */
export function addExplorers(server: FastifyInstance, basePath: string): void {
  async function send(page: ExplorerPage, asset: Asset, reply: FastifyReply): Promise<Buffer> {
    const { request } = reply;
    const { compressed, etag } = asset;
    void reply
      .header('cache-control', 'no-cache')
      .header('etag', etag)
      .header('vary', 'accept-encoding')
      .header('x-content-type-options', 'nosniff')
      .type(contentTypes[page.type]);
    if (page.policy !== undefined) {
      void reply
        .header('content-security-policy', page.policy)
        // Sandbox opens a window for signing in.
        .header('cross-origin-opener-policy', 'same-origin-allow-popups');
    }
    if (request.headers['if-none-match'] === etag) {
      void reply.status(304);
      return Buffer.alloc(0);
    }
    if (!acceptsGzip(request)) return asset.plain();
    void reply.header('content-encoding', 'gzip');
    return compressed;
  }

  for (const page of pages) {
    const asset = once(() => loadAsset(page.file));
    server.get(page.path, async (_request, reply) => send(page, await asset(), reply));
  }
  // A browser that opens the endpoint is redirected to an explorer.
  server.addHook('onRequest', (request, reply, done) => {
    const isBrowserVisit = request.method === 'GET' && request.url === '/graphql';
    // Links of the page are relative to the slash.
    const lacksSlash = request.originalUrl === basePath && request.url === '/';
    if (lacksSlash) void reply.redirect(`${basePath}/`);
    else if (isBrowserVisit && request.headers.accept?.includes('text/html') === true)
      void reply.redirect(`${basePath}/`);
    else done();
  });
}
