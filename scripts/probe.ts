// Tries requests whose effect HelpCrunch does not document (docs/helpcrunch/unknowns.md) with a customer that it creates and deletes.
import { parseArgs } from 'node:util';
import { fieldsOf, probes } from './probes.ts';
import type { ProbeCall, ProbeSubject } from './probes.ts';

const { HELPCRUNCH_API_KEY: key = '', HELPCRUNCH_API_URL: url = 'https://api.helpcrunch.com/v1' } =
  process.env;

/** Further requests would take the calls of the account's other clients. */
class RateLimitError extends Error {
  override readonly name = 'RateLimitError';
  override readonly message = 'The rate limit is exhausted. Try again later.';
}

const timeoutMs = 30_000;
const print = (line: string): void => void process.stdout.write(`${line}\n`);

const call: ProbeCall = async (method, path, body) => {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await response.text();
  if (response.status === 429) throw new RateLimitError();
  return { status: response.status, headers: response.headers, text, json: parse(text) };
};

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The id of a created object, or of the first row of a list. */
async function idFrom(method: string, path: string, body?: unknown): Promise<number> {
  const { status, json } = await call(method, path, body);
  const { data } = fieldsOf(json);
  const { id } = fieldsOf(Array.isArray(data) ? data[0] : json);
  if (status < 300 && typeof id === 'number') return id;
  throw new Error(`${method} ${path} gave status ${status} without an id.`);
}

/** Closed first, in case HelpCrunch keeps the chats of a deleted customer. */
async function deleteCustomer({ customerId, chatId }: ProbeSubject): Promise<void> {
  if (chatId !== 0) await call('PUT', '/chats/status', { id: chatId, status: 'closed' });
  const deleted = await call('DELETE', `/customers/${customerId}`);
  const { status } = await call('GET', `/chats/${chatId}`);
  print(`deletion of the customer: ${deleted.status}, body ${deleted.text.slice(0, 40)}`);
  print(`chat of the deleted customer: ${status}`);
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

async function runAll(subject: ProbeSubject): Promise<void> {
  for (const { name, run } of probes) {
    try {
      print(`${name}: ${await run(call, subject)}`);
    } catch (error) {
      if (error instanceof RateLimitError) throw error;
      print(`${name}: failed, ${messageOf(error)}`);
    }
  }
}

async function run(): Promise<void> {
  const agentId = await idFrom('GET', '/agents?limit=1');
  const applicationId = await idFrom('GET', '/applications');
  const userId = `api-probe-${Date.now()}`;
  // No e-mail address and no automatic messages: HelpCrunch writes to no one.
  const customer = {
    name: 'API probe',
    userId,
    phone: '+380000000000',
    source: 'https://example.com',
    unsubscribed: true,
  };
  const customerId = await idFrom('POST', '/customers', customer);
  print(`test customer ${customerId}, which is deleted at the end`);
  let chatId = 0;
  try {
    chatId = await idFrom('POST', '/chats', { customer: customerId, application: applicationId });
    await runAll({ customerId, userId, chatId, agentId, applicationId });
  } finally {
    try {
      await deleteCustomer({ customerId, userId, chatId, agentId, applicationId });
    } catch (error) {
      print(`Delete customer ${customerId} by hand: ${messageOf(error)}`);
      process.exitCode = 1;
    }
  }
}

function explain(): void {
  print(
    `With --yes, this creates a customer and a chat at ${url}, sends these requests with them,`,
  );
  print('and deletes the customer. The chat is visible to the team until then.\n');
  for (const { name, request } of probes) print(`${name}: ${request}`);
}

try {
  const { values } = parseArgs({ options: { yes: { type: 'boolean', default: false } } });
  if (!values.yes) explain();
  else if (key === '') throw new Error('HELPCRUNCH_API_KEY is not set.');
  else await run();
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
