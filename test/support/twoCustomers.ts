import { startRecordingUpstream, wireChat } from './recordingUpstream.ts';

const people = [
  { id: 7001, name: 'Ada', email: 'ada@example.com', userId: 'u-ada' },
  { id: 7002, name: 'Bob', email: 'bob@example.com', userId: 'u-bob' },
];

const wholePeople = people.map((person) => ({
  ...person,
  phone: '+1',
  company: 'Engines',
  notes: 'difficult',
  tags: [],
  customData: {},
}));

const team = [
  { id: 12, name: 'Olena', email: 'olena@example.com', role: 'agent' },
  { id: 13, name: 'Taras', email: 'taras@example.com', role: 'admin' },
];

const notFound = { status: 404, body: { errors: [{ code: 'not_found', message: 'Not found' }] } };

interface Condition {
  readonly field: string;
  readonly operator: string;
  readonly value: unknown;
}

/** An upstream with two customers: Ada (7001) has the chats 1 and 3, Bob (7002) has chat 2. No chat 9, no customer 7009. */
export async function startTwoCustomers() {
  const helpCrunch = await startRecordingUpstream();
  const chats = [
    wireChat({ id: 1, customer: people[0] }),
    wireChat({ id: 2, customer: people[1] }),
    wireChat({ id: 3, customer: people[0], status: 'closed' }),
  ];
  const messages = new Map<number, readonly object[]>();

  const valueOf = (row: any, field: string): unknown =>
    ({
      'chats.customer': row.customer?.id,
      'chats.status': row.status,
      'chats.assignee': row.assignee?.id,
      'chats.department': row.department?.id,
      'customers.id': row.id,
      'customers.userId': row.userId,
      'customers.name': row.name,
    })[field];
  const search = (rows: readonly object[]) => (call: any) => {
    const { comparison, filter } = call.body;
    const { offset, limit }: { offset: number; limit: number } = call.body;
    const holds =
      (row: object) =>
      ({ field, value }: Condition) =>
        valueOf(row, field) === value;
    const found = rows.filter((row) =>
      comparison === 'OR' ? filter.some(holds(row)) : filter.every(holds(row)),
    );
    return { body: { data: found.slice(offset, offset + limit), meta: { total: found.length } } };
  };
  const all = (rows: readonly object[]) => ({ body: { data: rows, meta: { total: rows.length } } });

  for (const { id } of chats)
    helpCrunch.respond(`GET /chats/${id}`, () => ({ body: chats.find((chat) => chat.id === id) }));
  for (const id of [1, 2, 3]) {
    helpCrunch.respond(`GET /chats/${id}/messages`, ({ query }) => {
      const rows = messages.get(id) ?? [];
      const [offset, limit] = [Number(query.get('offset')), Number(query.get('limit'))];
      return { body: { data: rows.slice(offset, offset + limit), total: rows.length } };
    });
  }
  for (const person of wholePeople)
    helpCrunch.respond(`GET /customers/${person.id}`, { body: person });
  helpCrunch.respond('GET /chats', all(chats));
  helpCrunch.respond('POST /chats/search', search(chats));
  for (const person of wholePeople) {
    const path = `/customers/${person.id}`;
    for (const route of [`PATCH ${path}`, `PUT ${path}/tags`, `DELETE ${path}/tags`])
      helpCrunch.respond(route, { body: person });
    helpCrunch.respond(`DELETE ${path}`, { body: 'Ok' });
  }
  helpCrunch.respond('POST /customers', ({ body }) => ({
    status: 201,
    body: { ...body, id: 7003 },
  }));
  helpCrunch.respond('POST /events', ({ body }) => ({ body: { ...body, id: 1 } }));
  helpCrunch.respond('GET /agents/12/unsubscribe', { body: 'Ok' });
  helpCrunch.respond('GET /customers', all(wholePeople));
  helpCrunch.respond('POST /customers/search', search(wholePeople));
  helpCrunch.respond('GET /agents', all(team));
  helpCrunch.respond('GET /departments', all([{ id: 3, name: 'Sales', agents: team }]));
  helpCrunch.respond('GET /applications', all([{ id: 2, name: 'web' }]));
  helpCrunch.respond('GET /organization', { body: { data: { id: 1, domain: 'example' } } });
  for (const side of ['Agent', 'Customer']) {
    helpCrunch.respond(`PUT /chats/readBy${side}`, ({ body }) => {
      const chat = chats.find(({ id }) => id === body.id);
      return chat === undefined ? notFound : { body: { ...chat, [`readBy${side}`]: body.read } };
    });
  }
  for (const property of ['status', 'assignee', 'department', 'snooze', 'rate']) {
    helpCrunch.respond(`PUT /chats/${property}`, ({ body }) => {
      const chat = chats.find(({ id }) => id === body.id);
      return chat === undefined ? notFound : { body: chat };
    });
  }
  helpCrunch.respond('POST /chats', ({ body }) => ({
    status: 201,
    body: chats.find(({ customer }) => (customer as { id: number }).id === body.customer),
  }));
  helpCrunch.respond('POST /messages', ({ body }) => ({
    status: 201,
    body: wireMessage({
      ...body,
      id: 9,
      from: body.agent === undefined ? 'customer' : 'agent',
      agent: null,
    }),
  }));
  helpCrunch.respond('*', notFound);

  return {
    ...helpCrunch,
    /** Newest first, as HelpCrunch returns them. */
    holdsMessages(chatId: number, rows: readonly object[]) {
      messages.set(chatId, rows);
    },
  };
}

/** A message in the wire format of HelpCrunch. */
export const wireMessage = (change: Readonly<Record<string, unknown>> = {}) => ({
  id: 1,
  chat: 1,
  from: 'agent',
  agent: team[0],
  type: 'message',
  text: 'Hello',
  read: true,
  createdAt: '1603885746',
  ...change,
});
