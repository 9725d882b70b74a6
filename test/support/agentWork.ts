import { createRandom } from '../../src/simulator/random.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import type { startTestGateway } from './gateway.ts';
import { rest } from './rest.ts';

type Gateway = Pick<Awaited<ReturnType<typeof startTestGateway>>, 'query'>;

interface AgentWorkOptions {
  readonly gateway: Gateway;
  readonly simulator: Pick<Simulator, 'url' | 'key'>;
  readonly chats: number;
  readonly customers: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly seed?: number;
}

/** Agents and customers who work in HelpCrunch and through the gateway while something else happens. */
export function createAgentWork(options: AgentWorkOptions) {
  const { gateway, simulator, chats, customers, headers = {}, seed = 1 } = options;
  const random = createRandom(seed, 23);
  const running = new Set<Promise<unknown>>();
  const failures: unknown[] = [];
  const anyChat = () => 5000 + random.integer(0, chats - 1);
  const anyCustomer = () => 7001 + random.integer(0, customers - 1);
  async function send(method: string, path: string, body: unknown) {
    const response = await rest(simulator, path, { method, body });
    failures.push(...(response.errors ?? []));
    return response;
  }
  const post = (path: string, body: unknown) => send('POST', path, body);
  const put = (path: string, body: unknown) => send('PUT', path, body);

  async function mutate(mutation: string) {
    const { errors } = await gateway.query(`mutation { ${mutation} { __typename } }`, {}, headers);
    failures.push(...errors);
  }

  const kinds = [
    () => post('/messages', { chat: anyChat(), text: 'Is it in stock?', type: 'message' }),
    () => post('/messages', { chat: anyChat(), text: 'Yes', type: 'message', agent: 11 }),
    () => post('/messages', { chat: anyChat(), text: 'Call back', type: 'private', agent: 11 }),
    () => put('/chats/status', { id: anyChat(), status: 'closed' }),
    async () => {
      const created = await post('/chats', { customer: anyCustomer(), application: 1 });
      return post('/messages', { chat: created.id, text: 'Hello', type: 'message' });
    },
    async () => {
      const { id } = await post('/chats', { customer: anyCustomer(), application: 1 });
      await post('/messages', { chat: id, text: 'Done', type: 'message', agent: 11 });
      await put('/chats/status', { id, status: 'closed' });
      return put('/chats/rate', { id, rating: random.pick(['great', 'poor'] as const) });
    },
    () => post('/customers', { name: 'New customer' }),
    () => mutate(`setChatStatus(id: ${anyChat()}, status: PENDING)`),
    () => mutate(`sendMessage(chatId: ${anyChat()}, by: AGENT, agentId: 11, text: "Sent")`),
    () => mutate(`assignChat(id: ${anyChat()}, agentId: 17)`),
    () => mutate(`unassignChat(id: ${anyChat()})`),
    () => mutate(`moveChat(id: ${anyChat()}, departmentId: ${random.integer(3, 8)})`),
    () => mutate(`markChatRead(id: ${anyChat()}, by: AGENT, read: ${random.isLucky(0.5)})`),
    () => mutate(`snoozeChat(id: ${anyChat()}, until: "2035-01-01T00:00:00Z")`),
    () => mutate(`updateCustomer(id: ${anyCustomer()}, input: { email: "new@example.com" })`),
    () => mutate(`addCustomerTags(customerId: ${anyCustomer()}, tags: [{ name: "VIP" }])`),
  ];

  return {
    /** Starts one random change. */
    step() {
      const work = random.pick(kinds)();
      running.add(work);
      void work.catch((error: unknown) => failures.push(error)).then(() => running.delete(work));
    },
    /** Resolves when all changes are made, and returns those that failed. */
    async finish() {
      while (running.size > 0) await Promise.allSettled(running);
      return failures;
    },
  };
}
