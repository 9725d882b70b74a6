import type { Config } from '../../src/config/settings.ts';
import { readConfig } from '../../src/config/settings.ts';
import type { ServedAccount } from '../../src/lib/accounts.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { startControlledUpstream } from './controlledUpstream.ts';
import { startTestGateway } from './gateway.ts';
import { bearer, jwtAuth } from './issuer.ts';
import { startRecordingUpstream } from './recordingUpstream.ts';
import { signatureOf } from './webhooks.ts';

/** One address for several accounts, of which the API key selects one, as at HelpCrunch. */
export async function startSharedUpstream(accounts: Readonly<Record<string, { url: string }>>) {
  const shared = await startRecordingUpstream();
  shared.respond('*', async ({ method, path, query, headers, body }) => {
    const { authorization = '' } = headers;
    const account = accounts[authorization.replace('Bearer ', '')];
    if (account === undefined) return { status: 401, body: { errors: [{ code: 'unauthorized' }] } };
    const response = await fetch(`${account.url}${path}?${query.toString()}`, {
      method,
      headers: { authorization, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, ...(text === '' ? {} : { body: JSON.parse(text) }) };
  });
  return shared;
}

export type AccountName = 'shop' | 'bank';

const names = ['shop', 'bank'] as const;

export const accountOf = (name: string, changes: Partial<ServedAccount> = {}): ServedAccount => ({
  name,
  apiKey: `key-of-${name}`,
  webhookSecrets: [`webhook secret of ${name}`],
  rateLimit: 120,
  ...changes,
});

const customerOf = (name: string) => ({
  id: 7,
  name: `Customer of ${name}`,
  email: null,
  userId: null,
});

/** Two accounts whose chats and customers have the same ids. */
export async function startTwoUpstreams() {
  const [shop, bank] = await Promise.all(
    names.map((name) => startControlledUpstream(accountOf(name).apiKey)),
  );
  const upstreams = { shop: shop!, bank: bank! };
  for (const name of names) {
    const customer = customerOf(name);
    upstreams[name].seed({ chats: [{ id: 1, customer }], customers: [customer] });
  }
  const shared = await startSharedUpstream(
    Object.fromEntries(names.map((name) => [accountOf(name).apiKey, upstreams[name]])),
  );
  return {
    ...upstreams,
    url: shared.url,
    async [Symbol.asyncDispose]() {
      for (const each of [shared, shop!, bank!]) await each[Symbol.asyncDispose]();
    },
  };
}

type Upstreams = Awaited<ReturnType<typeof startTwoUpstreams>>;

interface Options {
  readonly upstreams: Upstreams;
  readonly accounts?: Partial<Record<AccountName, Partial<ServedAccount>>>;
  readonly config?: Partial<Config>;
  readonly clock?: Clock;
}

const hour = 3_600_000;

/** A gateway for both accounts, which caches for an hour. */
export async function startForBoth({ upstreams, accounts = {}, config = {}, clock }: Options) {
  const gateway = await startTestGateway({
    upstream: { url: upstreams.url, key: '' },
    ...(clock && { clock }),
    config: {
      auth: jwtAuth(),
      accounts: names.map((name) => accountOf(name, accounts[name])),
      rateLimit: 120,
      cacheTtlsMs: { ...readConfig({}).cacheTtlsMs, chats: hour, customers: hour },
      ...config,
    },
  });
  const headersOf = (account: string, claims: object = { role: 'agent', agentId: 5 }) =>
    bearer({ account, ...claims });
  return {
    ...gateway,
    headersOf,
    /** Asks as an agent who has the same id in both accounts. */
    ask: async (account: string, query: string, variables: Record<string, unknown> = {}) =>
      gateway.query(query, variables, await headersOf(account)),
    /** Delivers a webhook to the path of an account. */
    async deliver(path: string, body: string, secret: string) {
      const response = await fetch(`${gateway.url}/webhooks/helpcrunch${path}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-helpcrunch-signature': signatureOf(body, secret),
        },
        body,
      });
      const answer: any = await response.json();
      return { status: response.status, outcome: answer.outcome };
    },
    async metric(pattern: RegExp): Promise<string[]> {
      const text = await (await fetch(`${gateway.url}/metrics`)).text();
      return text.split('\n').filter((line) => pattern.test(line));
    },
  };
}
