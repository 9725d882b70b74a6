// An upstream with little CPU use: it replays recorded responses of the simulator. It is a separate process, so that its CPU time is
// not measured.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { systemClock } from '../../src/lib/clock.ts';

const wanted = 100;

async function learn() {
  const simulator = await startSimulator({ rateLimit: 0, clock: systemClock });
  const headers = { authorization: `Bearer ${simulator.key}`, 'content-type': 'application/json' };
  const ask = async (path: string, body?: unknown) => {
    const response = await fetch(simulator.url + path, {
      headers,
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
    return response.text();
  };
  const list = await ask(`/chats?sort=chats.createdAt&order=desc&offset=0&limit=${wanted}`);
  const { data } = JSON.parse(list) as { data: { id: number; customer: { id: number } }[] };
  const chats = new Map<string, string>();
  for (const { id } of data) chats.set(String(id), await ask(`/chats/${id}`));
  const customers = new Map<string, string>();
  for (const { customer } of data) {
    customers.set(String(customer.id), await ask(`/customers/${customer.id}`));
  }
  const search = await ask('/customers/search', {
    comparison: 'OR',
    filter: [...customers.keys()].map((id) => ({
      field: 'customers.id',
      operator: '=',
      value: Number(id),
    })),
    limit: wanted,
  });
  await simulator.close();
  return { list, chats, customers, search };
}

const { list, chats, customers, search } = await learn();

interface List {
  readonly data: readonly { readonly id: number }[];
}

const known = new Map<string, string>();

/** Part of a list that is known, taken out of it once. */
function partOf(text: string, key: string, isPart: (id: number, place: number) => boolean): string {
  const part = known.get(key);
  if (part !== undefined) return part;
  const whole = JSON.parse(text) as List;
  const data = whole.data.filter(({ id }, place) => isPart(id, place));
  const made = JSON.stringify({ ...whole, data });
  known.set(key, made);
  return made;
}

const newest = (limit: number): string => partOf(list, `newest ${limit}`, (_, at) => at < limit);

function found(body: string): string {
  const { filter } = JSON.parse(body) as { readonly filter: readonly { readonly value: number }[] };
  const ids = filter.map(({ value }) => value);
  return partOf(search, `found ${ids.join(' ')}`, (id) => ids.includes(id));
}

let calls = 0;

const server = createServer((request, response) => {
  calls += 1;
  const { url = '', method = '' } = request;
  const answer = (body: string | undefined) => {
    response.writeHead(body === undefined ? 404 : 200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body ?? ''),
    });
    response.end(body);
  };
  const [, resource, id = ''] = url.split(/[/?]/).slice(url.startsWith('/v1') ? 1 : 0);
  const answers: Readonly<Record<string, (body: string) => string | undefined>> = {
    chats: () => chats.get(id) ?? newest(Number(/[?&]limit=(\d+)/.exec(url)?.[1] ?? wanted)),
    customers: (body) => (id === 'search' ? found(body) : customers.get(id)),
  };
  let text = '';
  request.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  request.on('end', () => {
    if (method === 'PUT') answer(chats.get(String((JSON.parse(text) as { id: number }).id)));
    else answer(answers[resource ?? '']?.(text));
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
const port = typeof address === 'object' && address !== null ? address.port : 0;
process.on('message', () => process.send?.({ calls }));
process.send?.({ url: `http://127.0.0.1:${port}`, chats: [...chats.keys()] });
