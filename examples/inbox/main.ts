// Serves the inbox on PORT with a gateway on the simulator; GATEWAY_URL selects another gateway.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { serveInbox } from './serve.ts';

const root = new URL('../../', import.meta.url);
const { GATEWAY_URL, PORT } = process.env;

/** Starts the gateway in a child process, which stops with this one. */
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
  throw new Error('The gateway exited before it was ready.');
}

// Vite's own signal handler exits with an error code.
process.exitCode = 0;
process.once('SIGINT', () => process.exit());
const isGiven = GATEWAY_URL !== undefined && GATEWAY_URL !== '';
const gatewayUrl = isGiven ? GATEWAY_URL : await startGateway();
const { url } = await serveInbox(gatewayUrl, Number(PORT ?? 5173)).catch((error: unknown) => {
  const reason = error instanceof Error ? error.message : 'The page cannot be served';
  process.stderr.write(`${reason}. Set PORT to another port.\n`);
  process.exit(1);
});
process.stdout.write(`
Inbox example
  page      ${url}
  GraphQL   ${gatewayUrl}/graphql

Control-C stops it.
`);
