/** A response of HelpCrunch. */
export interface ProbeResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined if the body is not JSON. */
  readonly json: unknown;
}

/** The test customer, its chat, and what the account offers to write in it. */
export interface ProbeSubject {
  readonly customerId: number;
  readonly userId: string;
  readonly chatId: number;
  readonly agentId: number;
  readonly applicationId: number;
}

export type ProbeCall = (method: string, path: string, body?: unknown) => Promise<ProbeResponse>;

export interface Probe {
  readonly name: string;
  /** What is sent, for readers. */
  readonly request: string;
  /** Returns what was observed. */
  readonly run: (call: ProbeCall, subject: ProbeSubject) => Promise<string>;
}

type Json = Readonly<Record<string, unknown>>;

export const fieldsOf = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};

const rowsOf = ({ json }: ProbeResponse): readonly unknown[] => {
  const { data } = fieldsOf(json);
  return Array.isArray(data) ? data : [];
};

/** The status, and the codes and messages of errors. */
function outcome({ status, json }: ProbeResponse): string {
  const { errors } = fieldsOf(json);
  const texts = Array.isArray(errors)
    ? errors.map(
        (error) => `${String(fieldsOf(error)['code'])}: ${String(fieldsOf(error)['message'])}`,
      )
    : [];
  return [String(status), ...texts].join(', ');
}

const show = (response: ProbeResponse, ...names: readonly string[]): string => {
  const fields = fieldsOf(response.json);
  const shown = names.map(
    (name) => `${name} ${name in fields ? JSON.stringify(fields[name]) : 'absent'}`,
  );
  return [outcome(response), ...(response.status < 300 ? shown : [])].join(', ');
};

const is = (field: string, value: unknown) => ({ field, operator: '=', value });

const searchChats = (call: ProbeCall, filter: readonly object[], rest: object = {}) =>
  call('POST', '/chats/search', { comparison: 'AND', filter, limit: 1, ...rest });

const techTexts = async (call: ProbeCall, { chatId }: ProbeSubject): Promise<string> => {
  const texts = rowsOf(await call('GET', `/chats/${chatId}/messages`))
    .map(fieldsOf)
    .filter(({ type }) => type === 'tech')
    .map(({ text }) => text);
  return `tech messages ${JSON.stringify(texts.toReversed())}`;
};

const close = (call: ProbeCall, { chatId }: ProbeSubject) =>
  call('PUT', '/chats/status', { id: chatId, status: 'closed' });

const reads: readonly Probe[] = [
  {
    name: 'rate limit headers',
    request: 'GET /organization',
    async run(call) {
      const { headers } = await call('GET', '/organization');
      const names = [...headers.keys()].filter((name) => /rate|limit|retry/.test(name));
      return `headers ${JSON.stringify(names)}`;
    },
  },
  {
    name: 'limit above 100',
    request: 'GET /chats?limit=101',
    async run(call) {
      const response = await call('GET', '/chats?limit=101');
      return `${outcome(response)}, ${rowsOf(response).length} rows`;
    },
  },
  {
    name: 'unknown sort name',
    request: 'GET /chats?sort=-id&limit=1',
    run: async (call) => outcome(await call('GET', '/chats?sort=-id&limit=1')),
  },
  {
    name: 'sort name without prefix',
    request: 'POST /chats/search {"sort":"lastCustomerMessageAt"}',
    run: async (call, { customerId }) =>
      outcome(
        await searchChats(call, [is('chats.customer', customerId)], {
          sort: 'lastCustomerMessageAt',
        }),
      ),
  },
  {
    name: 'totals of searches',
    request: 'POST /chats/search, POST /customers/search',
    async run(call, { customerId }) {
      const chats = await searchChats(call, [is('chats.customer', customerId)]);
      const customers = await call('POST', '/customers/search', {
        filter: [is('customers.id', customerId)],
      });
      return `chats: ${show(chats, 'total', 'meta')}; customers: ${show(customers, 'total', 'meta')}`;
    },
  },
  {
    name: 'search after a write',
    request: 'POST /customers/search {"filter":[customers.userId = the new user id]}',
    async run(call, { userId }) {
      const response = await call('POST', '/customers/search', {
        filter: [is('customers.userId', userId)],
      });
      return `${outcome(response)}, ${rowsOf(response).length} rows immediately after the customer was created`;
    },
  },
  {
    name: 'number as text filter',
    request: 'POST /customers/search {"filter":[customers.userId = 1]}',
    run: async (call) =>
      outcome(await call('POST', '/customers/search', { filter: [is('customers.userId', 1)] })),
  },
  {
    name: 'unknown status in a search',
    request: 'POST /chats/search {"filter":[chats.status = "nonsense"]}',
    async run(call, { customerId }) {
      const filter = [is('chats.customer', customerId), is('chats.status', 'nonsense')];
      const response = await searchChats(call, filter);
      return `${outcome(response)}, ${rowsOf(response).length} rows`;
    },
  },
];

const customerWrites: readonly Probe[] = [
  {
    name: 'user id that is taken',
    request: 'POST /customers {"userId": the user id of the test customer}',
    async run(call, { userId }) {
      const response = await call('POST', '/customers', { userId });
      const { id } = fieldsOf(response.json);
      if (response.status < 300) await call('DELETE', `/customers/${String(id)}`);
      return outcome(response);
    },
  },
  {
    name: 'unregistered attribute',
    request: 'PATCH /customers/{id} {"customData":[{"property":"api_probe_a","value":"1"}]}',
    run: async (call, { customerId }) =>
      show(
        await call('PATCH', `/customers/${customerId}`, {
          customData: [{ property: 'api_probe_a', value: '1' }],
        }),
        'customData',
      ),
  },
  {
    name: 'custom data that PATCH omits',
    request: 'PATCH /customers/{id} {"customData":[{"property":"api_probe_b","value":"2"}]}',
    run: async (call, { customerId }) =>
      show(
        await call('PATCH', `/customers/${customerId}`, {
          customData: [{ property: 'api_probe_b', value: '2' }],
        }),
        'customData',
      ),
  },
  {
    name: 'limit of 255 characters',
    request: 'PATCH /customers/{id} {"notes": 255 characters that take two UTF-16 units each}',
    run: async (call, { customerId }) =>
      outcome(await call('PATCH', `/customers/${customerId}`, { notes: '🔴'.repeat(255) })),
  },
  {
    name: 'DELETE with a body',
    request: 'DELETE /customers/{id}/tags {"tags":[a tag that the customer does not have]}',
    run: async (call, { customerId }) =>
      show(
        await call('DELETE', `/customers/${customerId}/tags`, { tags: [{ name: 'api-probe' }] }),
        'tags',
      ),
  },
  {
    name: 'fields that PUT omits',
    request: 'PUT /customers/{id} {"name":"API probe","unsubscribed":true}',
    run: async (call, { customerId }) =>
      show(
        await call('PUT', `/customers/${customerId}`, { name: 'API probe', unsubscribed: true }),
        ...['userId', 'phone', 'source', 'createdFrom', 'integrationId', 'tags', 'customData'],
      ),
  },
  {
    name: 'event',
    request: 'POST /events {"name":"api_probe","data":{"n":1}}',
    run: async (call, { customerId }) =>
      show(
        await call('POST', '/events', { customer: customerId, name: 'api_probe', data: { n: 1 } }),
        ...['id', 'createdAt', 'customer'],
      ),
  },
];

const chatWrites: readonly Probe[] = [
  {
    name: 'chat without application',
    request: 'POST /chats {"customer": the test customer}',
    run: async (call, { customerId }) =>
      outcome(await call('POST', '/chats', { customer: customerId })),
  },
  {
    name: 'message of the customer',
    request: 'POST /messages {"type":"message","text":"API probe"}',
    async run(call, { chatId }) {
      const message = { chat: chatId, type: 'message', text: 'API probe' };
      const sent = await call('POST', '/messages', message);
      const chat = await call('GET', `/chats/${chatId}`);
      return `${show(sent, 'from', 'createdAt', 'updatedAt')}; chat: ${show(chat, 'status', 'readByAgent', 'readByCustomer')}`;
    },
  },
  {
    name: 'private note',
    request: 'POST /messages {"type":"private","text":"API probe note"}, no agent',
    async run(call, { chatId }) {
      const note = { chat: chatId, type: 'private', text: 'API probe note' };
      const sent = await call('POST', '/messages', note);
      const chat = await call('GET', `/chats/${chatId}`);
      return `${show(sent, 'from', 'agent')}; chat: ${show(chat, 'status', 'lastMessageText')}`;
    },
  },
  {
    name: 'reply of an agent',
    request:
      'POST /messages {"type":"message","text":"API probe","agent": an agent, "markdownText":"**API probe**"}',
    async run(call, { chatId, agentId }) {
      const sent = await call('POST', '/messages', {
        ...{ chat: chatId, type: 'message', text: 'API probe', markdownText: '**API probe**' },
        agent: agentId,
      });
      const chat = await call('GET', `/chats/${chatId}`);
      return `${show(sent, 'text')}; chat: ${show(chat, 'status', 'assignee', 'agents')}`;
    },
  },
  {
    name: 'snooze',
    request:
      'PUT /chats/readByAgent {"read":true}, then PUT /chats/snooze with a time and with null',
    async run(call, { chatId }) {
      const until = String(Math.floor(Date.now() / 1000) + 3600);
      const read = await call('PUT', '/chats/readByAgent', { id: chatId, read: true });
      const snoozed = await call('PUT', '/chats/snooze', { id: chatId, snoozedUntil: until });
      const woken = await call('PUT', '/chats/snooze', { id: chatId, snoozedUntil: null });
      return `read: ${show(read, 'readByAgent')}; snoozed: ${show(snoozed, 'snoozedUntil')}; woken: ${show(woken, 'snoozedUntil', 'readByAgent')}`;
    },
  },
  {
    name: 'spelling of on hold',
    request: 'PUT /chats/status {"status":"on hold"}, then POST /chats/search with three spellings',
    async run(call, { chatId, customerId }) {
      const written = await call('PUT', '/chats/status', { id: chatId, status: 'on hold' });
      const results: string[] = [];
      for (const spelling of ['on hold', 'onhold', 'on-hold']) {
        const filter = [is('chats.customer', customerId), is('chats.status', spelling)];
        const response = await searchChats(call, filter);
        results.push(`"${spelling}": ${outcome(response)}, ${rowsOf(response).length} rows`);
      }
      return `written: ${show(written, 'status')}; searched: ${results.join('; ')}`;
    },
  },
  {
    name: 'closing',
    request: 'PUT /chats/status {"status":"closed"}',
    async run(call, subject) {
      const closed = await close(call, subject);
      return `${show(closed, 'status', 'closedBy', 'closedAt')}, ${await techTexts(call, subject)}`;
    },
  },
  {
    name: 'closing twice',
    request: 'PUT /chats/status {"status":"closed"} again',
    async run(call, subject) {
      const closed = await close(call, subject);
      return `${outcome(closed)}, ${await techTexts(call, subject)}`;
    },
  },
  {
    name: 'rating',
    request: 'PUT /chats/rate {"rating":"very poor"}, then "great"',
    async run(call, { chatId }) {
      const first = await call('PUT', '/chats/rate', { id: chatId, rating: 'very poor' });
      const second = await call('PUT', '/chats/rate', { id: chatId, rating: 'great' });
      return `first: ${show(first, 'rating')}; second: ${show(second, 'rating')}`;
    },
  },
];

/** In the order in which they run. The chats and the customer that they write are the test ones. */
export const probes: readonly Probe[] = [...reads, ...customerWrites, ...chatWrites];
