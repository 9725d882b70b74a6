import type { RecordedCall } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import type { ManualClock } from '../support/manualClock.ts';

/** Ids of chats that HelpCrunch responds to in a special way. */
export const special = {
  unauthorized: 1401,
  forbidden: 1403,
  unknown: 1404,
  rateLimited: 1429,
  unavailable: 1503,
  invalid: 1200,
  timeout: 1504,
  pending: 1505,
} as const;

const entries = { errors: [{ code: 'some_code', message: 'some words' }] };

const statuses = new Map<number, object>([
  [special.unauthorized, { status: 401, body: entries }],
  [special.forbidden, { status: 403, body: entries }],
  [special.unknown, { status: 404, body: entries }],
  [special.rateLimited, { status: 429, headers: { 'retry-after': '60' } }],
  [special.unavailable, { status: 503 }],
  [special.invalid, { status: 200, body: 'no JSON' }],
]);

/** Every fifth customer has no user id. */
const wireCustomer = (id: number) => ({
  id,
  userId: id % 5 === 0 ? null : `u-${id}`,
  name: `Customer ${id}`,
  company: 'Acme',
  phone: '+1',
});

const list = (rows: readonly object[]) => ({ body: { data: rows, total: rows.length } });

const firstCustomer = 7_001;

const firstCustomers = (limit: number) =>
  list(Array.from({ length: limit }, (_, index) => wireCustomer(firstCustomer + index)));

function searchCustomers({ body }: RecordedCall) {
  const ids: readonly number[] = body.filter.map(({ value }: any) =>
    Number(String(value).replace('u-', '')),
  );
  return list(ids.flatMap((id) => (id > 0 && id < 900_000 ? [wireCustomer(id)] : [])));
}

const agent = (id: number) => ({
  id,
  name: `Agent ${id}`,
  email: `a${id}@example.com`,
  role: 'agent',
});

/** All chats but one belong to a customer that is no viewer in the cases. */
const chat = (id: number) =>
  wireChat(id === 5_208 ? {} : { id, customer: { id: 7_002, name: 'Olha', userId: 'u-7002' } });

/** HelpCrunch with the data and the failures of the cases. */
export async function startHelpCrunch(clock: ManualClock) {
  const upstream = await startRecordingUpstream();
  let aborted: () => void = () => undefined;
  let arrived: () => void = () => undefined;
  upstream.respond('*', (call, response) => {
    const [, collection, id, part] = call.path.split('/');
    const number = Number(id);
    if (collection === 'chats' && part === undefined && number > 0) {
      if (number === special.timeout) {
        clock.advance(6_000);
        return undefined;
      }
      if (number === special.pending) {
        response.once('close', aborted);
        arrived();
        return undefined;
      }
      return statuses.get(number) ?? { body: chat(number) };
    }
    if (part === 'messages') return list([{ id: 90_002 }]);
    if (collection === 'customers' && number > 0) return { body: wireCustomer(number) };
    return { status: 404, body: entries };
  });
  upstream.respond('POST /customers/search', searchCustomers);
  upstream.respond('GET /customers', ({ query }) => firstCustomers(Number(query.get('limit'))));
  upstream.respond('POST /customers', { status: 503 });
  upstream.respond('GET /agents', list([11, 12].map(agent)));
  upstream.respond('GET /departments', list([{ id: 3, name: 'Sales', agents: [] }]));
  upstream.respond(
    'GET /applications',
    list([{ id: 2, name: 'Web', displayName: 'Web', type: 'web', active: true }]),
  );
  upstream.respond('PUT /chats/readByAgent', { body: wireChat() });
  upstream.respond('PUT /chats/rate', { status: 409, body: entries });
  return Object.assign(upstream, {
    /** Resolves when the call that gets no response has arrived, and then when it is aborted. */
    pendingCall: () => ({
      arrived: new Promise<void>((resolve) => (arrived = resolve)),
      aborted: new Promise<void>((resolve) => (aborted = resolve)),
    }),
  });
}
