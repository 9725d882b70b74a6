// Serves the inbox at PORT, with a gateway on its simulator behind it; GATEWAY_URL names another gateway.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { serveInbox } from './serve.ts';

const root = new URL('../../', import.meta.url);
const { GATEWAY_URL, PORT } = process.env;

/** Starts the gateway in a process of its own; it lives as long as this one. */
async function startGateway(): Promise<string> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
    cwd: root,
    env: { ...process.env, PORT: '0', HELPCRUNCH_API_KEY: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const stop = () => child.kill('SIGTERM');
  process.once('exit', stop);
  child.once('exit', (code) => process.exit(code ?? 1));
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /GraphQL +(http:\S+)\/graphql/.exec(line)?.[1];
    if (address !== undefined) {
      child.stdout.resume();
      return address;
    }
  }
  throw new Error('The gateway ended before it was ready.');
}

// Vite ends the process by itself when it is told to end, and would call that a failure.
process.exitCode = 0;
process.once('SIGINT', () => process.exit());
const isGiven = GATEWAY_URL !== undefined && GATEWAY_URL !== '';
const gatewayUrl = isGiven ? GATEWAY_URL : await startGateway();
const { url } = await serveInbox(gatewayUrl, Number(PORT ?? 5173));
process.stdout.write(`
An inbox on the gateway
  page      ${url}
  GraphQL   ${gatewayUrl}/graphql

Control-C ends it.
`);
