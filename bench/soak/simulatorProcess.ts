// The upstream of the soak test: a simulator behind a listener that can be closed without losing data, and simulated agents.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { startSimulator } from '../../src/simulator/simulator.ts';
import type { SimulatorCommand } from './phases.ts';
import { firstChat, writtenChats } from './operations.ts';

const changesEachMs = 200;

const eventNames: string[] = [];

const simulator = await startSimulator({
  rateLimit: 0,
  seed: 7,
  onCall({ path, body }) {
    if (path === '/events') eventNames.push((body as { readonly name: string }).name);
  },
});
const { hostname, port, pathname } = new URL(simulator.url);

const pairs = new Set<readonly [Socket, Socket]>();

const door = createServer({ noDelay: true }, (outside) => {
  const inside = connect({ host: hostname, port: Number(port), noDelay: true });
  const pair = [outside, inside] as const;
  pairs.add(pair);
  outside.pipe(inside).pipe(outside);
  for (const socket of pair) {
    socket.on('error', () => undefined);
    socket.on('close', () => {
      pairs.delete(pair);
      for (const end of pair) end.destroy();
    });
  }
});

async function open(at: number): Promise<number> {
  door.listen(at, '127.0.0.1');
  await once(door, 'listening');
  return (door.address() as AddressInfo).port;
}

const doorPort = await open(0);

/** Simulates a restart: closes all connections and refuses new ones for a while. */
async function restart(downMs: number): Promise<void> {
  const shut = once(door, 'close');
  door.close();
  for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy();
  await shut;
  await new Promise((resolve) => setTimeout(resolve, downMs));
  await open(doorPort);
}

const headers = { authorization: `Bearer ${simulator.key}`, 'content-type': 'application/json' };

async function change(count: number): Promise<void> {
  const id = firstChat + writtenChats + (count % 300);
  const isStatus = count % 2 === 0;
  try {
    const response = await fetch(`${simulator.url}/chats/${isStatus ? 'status' : 'snooze'}`, {
      method: 'PUT',
      headers,
      body: JSON.stringify(
        isStatus
          ? { id, status: count % 4 === 0 ? 'opened' : 'pending' }
          : { id, snoozedUntil: null },
      ),
    });
    await response.arrayBuffer();
  } catch {
    // The troubles are theirs too.
  }
}

let working: NodeJS.Timeout | undefined;

function work(): void {
  let count = 0;
  simulator.live();
  working = setInterval(() => void change((count += 1)), changesEachMs);
}

const carryOut: {
  [Kind in SimulatorCommand['kind']]: (order: SimulatorCommand & { kind: Kind }) => unknown;
} = {
  work: ({ target }) => {
    simulator.sendWebhooks(target);
    work();
  },
  rest: () => clearInterval(working),
  eventNames: () => eventNames,
  behave: ({ change: behaviour }) => simulator.behave(behaviour),
  restart: ({ downMs }) => restart(downMs),
};

async function obey(order: SimulatorCommand): Promise<void> {
  const result: unknown = await carryOut[order.kind](order as never);
  process.send?.({ result });
}

process.on('message', (order) => void obey(order as SimulatorCommand));
process.send?.({
  url: `http://127.0.0.1:${doorPort}${pathname}`,
  innerUrl: simulator.url,
  key: simulator.key,
});
