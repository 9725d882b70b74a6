import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, preview } from 'vite';

/** Builds and serves the page, and proxies /graphql to the gateway. */
export async function serveInbox(gatewayUrl: string, port: number) {
  const outDir = mkdtempSync(join(tmpdir(), 'inbox-'));
  process.once('exit', () => rmSync(outDir, { recursive: true, force: true }));
  const options = {
    configFile: false,
    root: fileURLToPath(new URL('page/', import.meta.url)),
    logLevel: 'error',
    build: { outDir, emptyOutDir: true },
  } as const;
  await build(options);
  const server = await preview({
    ...options,
    // Proxy errors during a gateway restart would print stack traces.
    logLevel: 'silent',
    preview: {
      host: '127.0.0.1',
      port,
      strictPort: true,
      proxy: { '/graphql': { target: gatewayUrl, ws: true } },
    },
  });
  const [url = ''] = server.resolvedUrls?.local ?? [];
  return { url };
}
