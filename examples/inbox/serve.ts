import { fileURLToPath } from 'node:url';
import { build, preview } from 'vite';

const pathOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Builds and serves the page, and proxies /graphql to the gateway. */
export async function serveInbox(gatewayUrl: string, port: number) {
  const options = {
    configFile: false,
    root: pathOf('page/'),
    logLevel: 'error',
    build: { outDir: pathOf('../../.cache/inbox'), emptyOutDir: true },
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
