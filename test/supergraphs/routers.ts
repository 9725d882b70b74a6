import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { composeServices as composeByApollo } from '@apollo/composition';
import { composeServices as composeByGuild } from '@theguild/federation-composition';
import { parse } from 'graphql';
import type { RouterName } from './routerNames.ts';

export interface Subgraph {
  readonly name: string;
  readonly url: string;
  readonly sdl: string;
}

/** How the router subscribes to the gateway. */
export type SubscriptionTransport = 'default' | 'webSocket' | 'callback';

interface RouterOptions {
  readonly folder: string;
  readonly subgraphs: readonly Subgraph[];
  readonly secret: string;
  readonly transport: SubscriptionTransport;
  /** A free port, for routers that cannot choose one. */
  readonly port: number;
}

export interface Router {
  readonly url: string;
  /** Changes the schemas of the running router. */
  update(subgraphs: readonly Subgraph[]): void;
  stop(): Promise<void>;
}

interface RouterKind {
  /** Exact versions from npm. */
  readonly packages: readonly string[];
  /** How it can subscribe to the gateway. */
  readonly transports: readonly SubscriptionTransport[];
  readonly start: (options: RouterOptions) => Promise<Router>;
}

export const adapters = fileURLToPath(new URL('adapters', import.meta.url));

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

type Compose = (services: any[]) => { readonly supergraphSdl?: string; readonly errors?: unknown };

function supergraphOf(compose: Compose, subgraphs: readonly Subgraph[]): string {
  const { supergraphSdl, errors } = compose(
    subgraphs.map(({ name, url, sdl }) => ({ name, url, typeDefs: parse(sdl) })),
  );
  if (supergraphSdl === undefined) throw new Error(String(errors));
  return supergraphSdl;
}

interface ProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Starts a router and resolves with its URL, which it prints. */
async function run({ command, args, cwd, env }: ProcessOptions) {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit');
  const printed: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => printed.push(chunk.toString()));
  for await (const line of createInterface({ input: child.stdout })) {
    printed.push(line);
    const url = /(?:listening on|GraphQL.*?:) +(http:\S+)/.exec(line)?.[1];
    if (url === undefined) continue;
    child.stdout.resume();
    return {
      url,
      async stop() {
        child.kill('SIGTERM');
        await ended;
      },
    };
  }
  throw new Error(`${command} stopped:\n${printed.join('\n')}`);
}

/** A router that runs in Node.js and reads a supergraph. */
const inNode =
  (adapter: string, compose: Compose, env: Readonly<Record<string, string>> = {}) =>
  async ({ folder, subgraphs, secret, transport, port }: RouterOptions): Promise<Router> => {
    const supergraph = join(folder, `${adapter}-${port}.graphql`);
    const write = (all: readonly Subgraph[]) =>
      writeFileSync(supergraph, supergraphOf(compose, all));
    write(subgraphs);
    cpSync(join(adapters, adapter), join(folder, adapter));
    const { url, stop } = await run({
      command: process.execPath,
      args: [adapter],
      cwd: folder,
      env: {
        ...env,
        SUPERGRAPH: supergraph,
        ROUTER_SECRET: secret,
        SUBSCRIPTIONS: transport,
        CALLBACK_URL: `http://127.0.0.1:${port}/callback`,
        PORT: String(port),
      },
    });
    return { url, update: write, stop };
  };

export const grafbasePackage = '@grafbase/cli-x86_64-unknown-linux-musl';
export const grafbaseVersion = '0.103.0';

/** A subgraph in the configuration of Grafbase. */
export const sectionOf = ({ name, url }: Subgraph): string =>
  [`[subgraphs.${name}]`, `url = "${url}"`, `schema_path = "${name}.graphql"`].join('\n');

/** The headers of the gateway. The client may send another secret, to test a wrong one. */
const grafbaseHeaders = ['authorization', 'x-request-id']
  .map((name) => `rule = "forward"\nname = "${name}"`)
  .concat(
    'rule = "forward"\nname = "x-test-secret"\nrename = "x-router-secret"\ndefault = "{{ env.ROUTER_SECRET }}"',
  )
  .map((rule) => `[[subgraphs.helpdesk.headers]]\n${rule}`);

async function startGrafbase(options: RouterOptions): Promise<Router> {
  const { folder, subgraphs, secret, transport, port } = options;
  const cwd = join(folder, `grafbase-${port}`);
  mkdirSync(cwd, { recursive: true });
  const write = (all: readonly Subgraph[]) => {
    for (const { name, sdl } of all) writeFileSync(join(cwd, `${name}.graphql`), sdl);
  };
  write(subgraphs);
  const sections = subgraphs.flatMap((subgraph) => {
    if (subgraph.name !== 'helpdesk') return sectionOf(subgraph);
    const webSocket = `websocket_url = "${subgraph.url.replace('http', 'ws')}"`;
    const section = sectionOf(subgraph);
    return [transport === 'webSocket' ? `${section}\n${webSocket}` : section, ...grafbaseHeaders];
  });
  writeFileSync(join(cwd, 'grafbase.toml'), sections.join('\n\n'));
  const { url, stop } = await run({
    command: join(folder, 'node_modules', grafbasePackage, 'grafbase'),
    args: ['dev', '--config', 'grafbase.toml', '--port', String(port)],
    cwd,
    env: { ROUTER_SECRET: secret },
  });
  return { url, update: write, stop };
}

const hivePackages = [
  '@graphql-hive/gateway-runtime@2.12.1',
  '@graphql-hive/pubsub@2.2.1',
  '@graphql-mesh/transport-http@1.2.1',
  '@graphql-mesh/transport-ws@2.1.0',
  '@graphql-mesh/transport-http-callback@1.1.0',
  '@graphql-hive/router-runtime@1.4.23',
];

export const routerKinds: Readonly<Record<RouterName, RouterKind>> = {
  'Apollo Gateway': {
    packages: ['@apollo/gateway@2.14.4', '@apollo/server@5.5.1'],
    transports: [],
    start: inNode('apolloGateway.mjs', composeByApollo as Compose),
  },
  'Hive Gateway': {
    packages: hivePackages,
    transports: ['default', 'webSocket', 'callback'],
    start: inNode('hiveGateway.mjs', composeByGuild as Compose),
  },
  'Hive Router planner': {
    packages: hivePackages,
    transports: ['default', 'webSocket', 'callback'],
    start: inNode('hiveGateway.mjs', composeByApollo as Compose, { PLANNER: 'rust' }),
  },
  Grafbase: {
    packages: [`${grafbasePackage}@${grafbaseVersion}`],
    transports: ['default', 'webSocket'],
    start: startGrafbase,
  },
};
