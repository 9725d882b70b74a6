import { systemClock } from '../../src/lib/clock.ts';
import { DependencyTracker } from '../../src/lib/dependencyTracker.ts';
import { EntityCache } from '../../src/upstream/cache/entityCache.ts';
import type { CacheType } from '../../src/upstream/cache/cacheTypes.ts';
import { UpstreamError } from '../../src/upstream/errors.ts';
import { createWriteServices } from '../../src/upstream/writes/services.ts';

/** Fills a cache with customers and chats, and prints the growth of the heap as one JSON line. Run with --expose-gc. */
interface Thing {
  readonly __typename: 'Customer' | 'Chat';
  readonly id: string;
}

const oneDay = 86_400_000;
const freshMs = { chats: oneDay, customers: oneDay, account: oneDay, absent: oneDay };
const clock = { ...systemClock, after: () => () => undefined, random: () => 0.5 };

const typeOf = (name: Thing['__typename']): CacheType<Thing> => ({
  name,
  ttlClass: name === 'Chat' ? 'chats' : 'customers',
  accepts: () => true,
  serialize: (value) => value,
  deserialize: (kept) => kept as Thing,
});

/** The stored form of a customer and of a chat; `#` is replaced by the id. */
const forms = {
  Customer: JSON.stringify({
    __typename: 'Customer',
    id: '#',
    userId: 'user-#',
    name: 'Customer Number #',
    email: 'customer.#@example.com',
    company: 'Общество #',
    phone: '+380#',
    firstSeen: 1_603_885_600_000,
    lastSeen: 1_603_885_746_000,
    location: { regionCode: '30', countryCode: 'UA', city: 'Kyiv' },
    device: {
      id: '#',
      ip: '10.0.0.1',
      timezone: 'Europe/Kyiv',
      platform: 'desktop',
      userAgent: null,
    },
    unsubscribed: false,
    blocked: false,
    source: 'https://example.com/pages/#',
    referer: null,
    lastPage: 'https://example.com/pages/#/last',
    locale: 'uk',
    createdFrom: null,
    integrationId: null,
    notes: null,
    tags: [{ name: 'vip', color: 'gold' }],
    customData: { plan: 'pro', seats: 12 },
  }),
  Chat: JSON.stringify({
    __typename: 'Chat',
    id: '#',
    status: 'OPENED',
    closedBy: null,
    closedAt: null,
    rating: null,
    createdAt: 1_603_885_600_000,
    createdWith: 'CUSTOMER_MESSAGE',
    lastMessageAt: 1_603_885_746_000,
    lastCustomerMessageAt: null,
    lastMessageText: 'Hello, this is what was said last in chat #.',
    lastMessageId: '#',
    lastCommunicatedAgentId: '12',
    snoozedUntil: null,
    applicationId: '2',
    readByAgent: true,
    readByCustomer: false,
    agents: [{ __typename: 'Agent', id: '12', name: 'Olena', email: null, role: 'AGENT' }],
    customer: { __typename: 'Customer', id: '#', name: 'Customer #', email: null, userId: null },
    assignee: { __typename: 'Agent', id: '12', name: 'Olena', email: null, role: 'AGENT' },
    department: { __typename: 'Department', id: '3', name: 'Sales' },
  }),
};

/** With separate strings per entity, as after parsing a response. */
const thingOf = (name: Thing['__typename'], id: string): Thing =>
  JSON.parse(forms[name].replaceAll('#', id));

const atOnce = 500;

async function fill(maxBytes: number, count: number, watch: (bytes: number) => void) {
  const cache = new EntityCache({ maxBytes, ttlsMs: freshMs, staleIfErrorMs: 0, clock });
  for (let first = 1; first <= count; first += atOnce) {
    const name = (first / atOnce) % 2 < 1 ? 'Chat' : 'Customer';
    const ids = Array.from({ length: atOnce }, (_, index) => String(first + index));
    const operation = cache.forOperation(
      {
        apiKey: 'key',
        account: 'tenant',
        signal: () => new AbortController().signal,
        usage: { calls: 0, cacheHits: 0, shared: 0 },
        tracker: new DependencyTracker(),
        bypassesCache: false,
        viewer: { key: 'viewer', class: 'agent' },
        readPriority: 'read',
        deadlineMs: Infinity,
      },
      {
        sendFor: () => () => Promise.reject(new Error('Nothing is sent.')),
        writes: createWriteServices(clock),
        onFailure: () => undefined,
        mayJoin: () => true,
        onJoin: () => undefined,
        queueTimeoutError: () => new UpstreamError('rateLimited', 'No permit is available.'),
      },
    );
    await operation.getOrLoadMany(typeOf(name), ids, () =>
      Promise.resolve(ids.map((id) => thingOf(name, id))),
    );
    if (first % 25_000 === 1) {
      global.gc?.();
      watch(cache.bytes());
    }
  }
  global.gc?.();
  watch(cache.bytes());
  return cache;
}

const [maxBytes = 0, count = 0] = process.argv.slice(2).map(Number);

await fill(1_000_000, 100_000, () => undefined);
global.gc?.();
const base = process.memoryUsage();
const seen = { resident: 0, heap: 0, counted: 0 };
const cache = await fill(maxBytes, count, (counted) => {
  const { rss, heapUsed } = process.memoryUsage();
  seen.resident = Math.max(seen.resident, rss - base.rss);
  seen.heap = Math.max(seen.heap, heapUsed - base.heapUsed);
  seen.counted = Math.max(seen.counted, counted);
});
process.stdout.write(`${JSON.stringify({ ...seen, kept: cache.bytes(), base: base.rss })}\n`);
