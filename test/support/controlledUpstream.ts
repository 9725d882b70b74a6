import { createDeferred } from './deferred.ts';
import type { CannedResponse, RecordedCall } from './recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from './recordingUpstream.ts';

type Row = Readonly<Record<string, any>> & { readonly id: number };

/** A call that is held twice: before the state is read or changed, and before the response is sent. */
export interface HeldCall {
  /** Resolves when the call has arrived. */
  readonly arrived: Promise<RecordedCall>;
  /** Reads or changes the state without responding. */
  apply(): void;
  /** Sends the response, or `override` instead of it. */
  respond(override?: CannedResponse): void;
  /** Resolves when the gateway has aborted the call. */
  readonly aborted: Promise<void>;
}

/** A customer in the wire format of HelpCrunch. */
export const wireCustomer = (change: Change) => ({
  userId: `u-${change.id}`,
  name: `Customer ${change.id}`,
  email: `c${change.id}@example.com`,
  company: 'Acme',
  phone: `+380${change.id}`,
  firstSeen: '1603885600',
  lastSeen: '1603885746',
  location: { regionCode: null, countryCode: 'UA', city: 'Kyiv' },
  device: null,
  unsubscribed: false,
  blocked: false,
  tags: [{ name: 'vip', color: '#c377e0' }],
  customData: {},
  ...change,
});

type Change = Readonly<Record<string, unknown>> & { readonly id: number };

function createHeldCall(carryOut: (call: RecordedCall) => CannedResponse) {
  const arrival = createDeferred<RecordedCall>();
  const departure = createDeferred<CannedResponse | undefined>();
  const leaving = createDeferred();
  let call: RecordedCall | undefined;
  let appliesOnArrival = false;
  let result: CannedResponse | undefined;
  function apply() {
    appliesOnArrival = true;
    if (call !== undefined) result ??= carryOut(call);
  }
  return {
    arrived: arrival.promise,
    apply,
    respond(override?: CannedResponse) {
      apply();
      departure.resolve(override);
    },
    aborted: leaving.promise,
    leave: () => leaving.resolve(),
    async receive(received: RecordedCall): Promise<CannedResponse | undefined> {
      call = received;
      if (appliesOnArrival) apply();
      arrival.resolve(call);
      const override = await departure.promise;
      return override ?? result;
    },
  };
}

type Held = ReturnType<typeof createHeldCall>;

const notFound: CannedResponse = {
  status: 404,
  body: { errors: [{ code: 'not_found', message: 'Chat not found' }] },
};

const searchableFields: Readonly<Record<string, (row: Row) => unknown>> = {
  'chats.customer': (chat) => chat['customer']?.id,
  'chats.assignee': (chat) => chat['assignee']?.id,
  'chats.department': (chat) => chat['department']?.id,
  'chats.status': (chat) => chat['status'],
  'customers.id': (customer) => customer.id,
  // Case-insensitive, like HelpCrunch.
  'customers.userId': (customer) => String(customer['userId']).toLowerCase(),
};

function isFound(row: Row, { comparison, filter = [] }: any): boolean {
  const holds = ({ field, value }: any) =>
    String(searchableFields[field]?.(row)) === String(value).toLowerCase();
  return comparison === 'OR' ? filter.some(holds) : filter.every(holds);
}

/**
 * A small account whose calls can be held. Each write of a chat counts up its `lastMessageText`, which shows
 * a reader the last write it has seen.
 */
export async function startControlledUpstream(key = 'fake-key') {
  const upstream = await startRecordingUpstream();
  const chats = new Map<number, Row>();
  const customers = new Map<number, Row>();
  const agents: Row[] = [{ id: 12, name: 'Olena', email: 'olena@example.com', role: 'agent' }];
  const waiting: { readonly route: string; readonly held: Held }[] = [];
  let holdEvery: ((held: HeldCall) => void) | undefined;
  let checkSearch: ((filter: any[]) => CannedResponse | undefined) | undefined;

  function pageOf(rows: Iterable<Row>, options: any): CannedResponse {
    const found = [...rows].sort((a, b) => b.id - a.id);
    const [offset, limit] = [Number(options.offset ?? 0), Number(options.limit ?? 100)];
    const data = found.slice(offset, offset + limit);
    return { body: { data, meta: { total: found.length } } };
  }

  function write(call: RecordedCall, field: string): CannedResponse {
    const chat = chats.get(call.body.id);
    if (chat === undefined) return notFound;
    const version = Number(chat['lastMessageText']) + 1;
    const changed = { ...chat, [field]: call.body.read, lastMessageText: String(version) };
    chats.set(chat.id, changed);
    return { body: changed };
  }

  function carryOut(call: RecordedCall): CannedResponse {
    const [, collection = '', id, part] = call.path.split('/');
    const query = Object.fromEntries(call.query);
    const rows = collection === 'chats' ? chats : customers;
    if (call.method === 'PUT') return write(call, String(id));
    if (collection === 'agents') return pageOf(agents, query);
    if (collection === 'departments') return pageOf([{ id: 3, name: 'Sales', agents }], query);
    if (collection === 'applications') return { body: { data: [{ id: 2, name: 'site' }] } };
    if (collection === 'organization') return { body: { data: { id: 1, domain: 'acme' } } };
    if (id === undefined) return pageOf(rows.values(), query);
    if (id === 'search') {
      const refusal = checkSearch?.(call.body.filter);
      if (refusal !== undefined) return refusal;
      const found = [...rows.values()].filter((row) => isFound(row, call.body));
      return pageOf(found, call.body);
    }
    const row = rows.get(Number(id));
    if (row === undefined) return notFound;
    if (part !== 'messages') return { body: row };
    if (Array.isArray(row['messages'])) return pageOf(row['messages'], query);
    const read = row['readByAgent'];
    const message = {
      id: row.id,
      chat: row.id,
      from: 'customer',
      type: 'message',
      text: row['lastMessageText'] ?? 'Hi',
      read,
    };
    return pageOf([{ ...message, createdAt: '1603885600' }], query);
  }

  function heldFor({ method, path }: RecordedCall): Held | undefined {
    if (holdEvery !== undefined) {
      const held = createHeldCall(carryOut);
      holdEvery(held);
      return held;
    }
    const index = waiting.findIndex(({ route }) => route === `${method} ${path}`);
    return index === -1 ? undefined : waiting.splice(index, 1)[0]?.held;
  }

  upstream.respond('*', async (call, response) => {
    const held = heldFor(call);
    if (held === undefined) return carryOut(call);
    response.once('close', () => {
      if (!response.writableFinished) held.leave();
    });
    return held.receive(call);
  });

  return {
    ...upstream,
    key,
    chats,
    customers,
    agents,
    /** Replaces chats, whose version starts at 0. A chat can have `messages`. */
    seed(rows: { readonly chats?: readonly Change[]; readonly customers?: readonly Change[] }) {
      for (const chat of rows.chats ?? []) {
        chats.set(chat.id, wireChat({ lastMessageText: '0', ...chat }) as Row);
      }
      for (const customer of rows.customers ?? []) {
        customers.set(customer.id, wireCustomer(customer));
      }
    },
    /** Holds the next call to a route such as `GET /chats/7`. */
    hold(route: string): HeldCall {
      const held = createHeldCall(carryOut);
      waiting.push({ route, held });
      return held;
    },
    /** Inspects the conditions of every search, and may reject it. */
    onSearch(check: (filter: any[]) => CannedResponse | undefined) {
      checkSearch = check;
    },
    /** Holds every further call; without a listener, holds none. */
    onEveryCall(listener?: (held: HeldCall) => void) {
      holdEvery = listener;
    },
  };
}

export type ControlledUpstream = Awaited<ReturnType<typeof startControlledUpstream>>;
