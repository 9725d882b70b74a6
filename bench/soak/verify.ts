import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from './clients.ts';
import type { Ledger, Tally } from './clients.ts';
import { readOne } from './operations.ts';
import type { GatewayProcess, Holding } from './processes.ts';

const patienceMs = 30_000;

/** Of these nothing may be left when all clients are gone. */
const gauges = [
  'helpcrunch_subscriptions',
  'helpcrunch_live_connections',
  'helpcrunch_distinct_subscriptions',
  'helpcrunch_circuit_breakers_open',
  'helpcrunch_upstream_calls_queued{priority="read"}',
  'helpcrunch_upstream_calls_queued{priority="write"}',
];

/** These are 1 where there is a Redis. */
const links = ['helpcrunch_redis_up', 'helpcrunch_rate_limit_shared'];

const all = async (
  gateways: readonly GatewayProcess[],
  look: (gateway: GatewayProcess, place: number) => Promise<readonly string[]>,
): Promise<readonly string[]> =>
  // A process that has ended is reported in a separate line.
  (
    await Promise.all(
      gateways.map(async (gateway, place) => (gateway.isAlive() ? await look(gateway, place) : [])),
    )
  ).flat();

/** Looks until nothing is found, or until it takes too long; gives what is found then. */
async function untilNone(look: () => Promise<readonly string[]>): Promise<readonly string[]> {
  const until = performance.now() + patienceMs;
  for (;;) {
    const found = await look();
    if (found.length === 0 || performance.now() > until) return found;
    await sleep(500);
  }
}

async function gaugesOf({ url, figures }: GatewayProcess): Promise<readonly string[]> {
  // An open circuit closes only after a successful call.
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-cache',
      connection: 'close',
    },
    body: JSON.stringify({ query: '{ organization { id } }' }),
  });
  await response.arrayBuffer();
  const values = await figures();
  return [
    ...gauges.filter((name) => (values.get(name) ?? 0) !== 0),
    ...links.filter((name) => values.get(name) === 0),
  ].map((name) => `${name} is ${values.get(name)}`);
}

/** Waits until all connections to Redis are made, so that they do not look like more later. */
export async function untilJoined(gateways: readonly GatewayProcess[]): Promise<void> {
  await untilNone(() =>
    all(gateways, async ({ figures }) => {
      const values = await figures();
      return links.filter((name) => values.get(name) === 0);
    }),
  );
  await sleep(1_000);
}

/** Waits until the gateways count nothing of the clients any more; gives what they still count. */
export const settle = (gateways: readonly GatewayProcess[]): Promise<readonly string[]> =>
  untilNone(() => all(gateways, gaugesOf));

/** The resources that the gateways hold beyond those at the start. The upstream must be stopped: its connections would be counted. */
export const leftOver = (
  gateways: readonly GatewayProcess[],
  idle: readonly Holding[],
): Promise<readonly string[]> =>
  untilNone(() =>
    all(gateways, async (gateway, place) => {
      const { held } = await gateway.holding();
      const before = idle[place]?.held ?? {};
      return Object.entries(held)
        .filter(([kind, count]) => kind !== 'Immediate' && count > (before[kind] ?? 0))
        .map(([kind, count]) => `${count} × ${kind}, at first ${before[kind] ?? 0}`);
    }),
  );

interface Parts {
  readonly gateways: readonly GatewayProcess[];
  readonly helpCrunch: { readonly innerUrl: string; readonly key: string };
  readonly ledger: Ledger;
  readonly tally: Tally;
}

/** Chats whose read state differs from the last write, in HelpCrunch or in the response of a gateway. */
export async function verify({
  gateways,
  helpCrunch,
  ledger,
  tally,
}: Parts): Promise<readonly string[]> {
  const living = gateways.filter(({ isAlive }) => isAlive());
  const clients = living.map(({ url }) => createClient(url, tally));
  const lost: string[] = [];
  for (const [id, expected] of ledger) {
    const response = await fetch(`${helpCrunch.innerUrl}/chats/${id}`, {
      headers: { authorization: `Bearer ${helpCrunch.key}` },
    });
    const { readByAgent } = (await response.json()) as { readonly readByAgent: boolean };
    if (expected !== undefined && readByAgent !== expected) {
      lost.push(`chat ${id} was marked ${expected}, HelpCrunch has ${readByAgent}`);
    }
    for (const [place, client] of clients.entries()) {
      const answer = await client.ask(readOne(id));
      const { chat } = (answer?.data ?? {}) as { chat?: { readByAgent: boolean } | null };
      if (chat?.readByAgent !== readByAgent) {
        lost.push(
          `gateway ${place + 1} shows chat ${id} as ${chat?.readByAgent}, it is ${readByAgent}`,
        );
      }
    }
  }
  for (const client of clients) client.close();
  return lost;
}
