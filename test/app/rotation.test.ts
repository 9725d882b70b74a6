import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { bearer } from '../support/issuer.ts';
import { killAll, run } from '../support/process.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { openSubscriber } from '../support/resumingSubscriber.ts';
import { chatData, signatureOf, wireDelivery } from '../support/webhooks.ts';

const describeWithRedis = hasRedis ? describe : describe.skip;

const directory = await mkdtemp(join(tmpdir(), 'helpcrunch-rotation-'));
afterAll(async () => {
  killAll();
  await rm(directory, { recursive: true });
});

type Version = 'first' | 'second' | 'third';
type Environment = Readonly<Record<string, string>>;

const secretsOf = (version: Version) => ({
  key: `api-key-8b5e0d7c9a4f6-${version}`,
  jwt: `6f1c09d2a75b4e83b0a2c7d95e4f1836-${version}`,
  webhook: `2c7d95e4f18b5e0d-${version}`,
});
const authorizationOf = (version: Version) => `Bearer ${secretsOf(version).key}`;
const credentialsOf = (version: Version) =>
  bearer({ role: 'agent' }, { key: new TextEncoder().encode(secretsOf(version).jwt) });

const path = (name: string) => join(directory, name);

/** Writes one secret per line, the current one first. */
const writeSecrets = (name: 'key' | 'jwt' | 'webhook', ...versions: readonly Version[]) =>
  writeFile(path(name), versions.map((version) => secretsOf(version)[name]).join('\n'));

const files: Environment = {
  HELPCRUNCH_API_KEY_FILE: path('key'),
  JWT_SECRET_FILE: path('jwt'),
  HELPCRUNCH_WEBHOOK_SECRET_FILE: path('webhook'),
};

const variables = (version: Version, previous: Version): Environment => ({
  HELPCRUNCH_API_KEY: secretsOf(version).key,
  JWT_SECRET: secretsOf(version).jwt,
  JWT_SECRET_PREVIOUS: secretsOf(previous).jwt,
  HELPCRUNCH_WEBHOOK_SECRET: secretsOf(version).webhook,
  HELPCRUNCH_WEBHOOK_SECRET_PREVIOUS: secretsOf(previous).webhook,
});

/** An account that accepts some API keys. */
async function startAccount() {
  const upstream = await startRecordingUpstream();
  const accepted = new Set<string | undefined>();
  upstream.respond('*', ({ headers }) =>
    accepted.has(headers.authorization)
      ? { body: wireChat() }
      : { status: 401, body: { errors: [{ code: 'unauthorized' }] } },
  );
  return Object.assign(upstream, {
    accept(...versions: readonly Version[]) {
      accepted.clear();
      for (const version of versions) accepted.add(authorizationOf(version));
    },
  });
}

/** Two instances, the clients that send requests to them all the time, and a subscriber of each. */
class Deployment {
  readonly #failures: unknown[] = [];
  /** What the issuer of the tokens and HelpCrunch sign with. */
  #used: Version = 'first';
  #requests = 0;
  #changes = 0;
  #isOver = false;
  readonly #shared: Environment;
  readonly #instances: Awaited<ReturnType<Deployment['start']>>[] = [];
  readonly #subscribers: Awaited<ReturnType<Deployment['subscribe']>>[] = [];
  readonly #running: Promise<void>[] = [];
  #clients: readonly Promise<void>[] = [];

  constructor(upstreamUrl: string, redisUrl: string) {
    this.#shared = {
      HELPCRUNCH_API_URL: upstreamUrl,
      AUTH: 'jwt',
      REDIS_URL: redisUrl,
      REDIS_TIMEOUT_MS: '20000',
      REQUEST_RATE_LIMIT: '0',
    };
  }

  async start(environment: Environment) {
    const instance = run({ ...this.#shared, ...environment });
    const { url } = await instance.started();
    return Object.assign(instance, { url });
  }

  async subscribe(url: string, after?: string) {
    const stream = await openSubscriber(url, {
      transport: 'sse',
      query: 'subscription ($after: ID) { chatUpdated(after: $after) { change } }',
      headers: await credentialsOf(this.#used),
      ...(after === undefined ? {} : { after }),
    });
    const metrics = async () => (await fetch(`${url}/metrics`)).text();
    while (!/^helpcrunch_subscriptions 1$/m.test(await metrics()));
    let lastId = after;
    return {
      lastId: () => lastId,
      close: stream.close,
      async next() {
        const { data, extensions } = await stream.next();
        lastId = extensions?.eventId;
        return data?.chatUpdated.change;
      },
    };
  }

  async startAll() {
    this.#instances.push(...(await Promise.all([this.start(files), this.start(files)])));
    for (const { url } of this.#instances) this.#subscribers.push(await this.subscribe(url));
    this.#clients = this.#instances.map((_, index) => this.#sendRequests(index));
  }

  async stop() {
    this.#isOver = true;
    await Promise.all(this.#clients);
    return { failures: this.#failures, requests: this.#requests, changes: this.#changes };
  }

  async [Symbol.asyncDispose]() {
    await this.stop();
    await Promise.all(this.#subscribers.map(({ close }) => close()));
  }

  async #sendRequests(index: number) {
    while (!this.#isOver) {
      this.#running[index] = this.#ask(index, '{ chat(id: 5208) { id status } }');
      await this.#running[index];
    }
  }

  async #ask(index: number, query: string) {
    const response = await fetch(`${this.#instances[index]?.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(await credentialsOf(this.#used)) },
      body: JSON.stringify({ query }),
    });
    const { errors }: any = await response.json();
    this.#requests += 1;
    if (response.status !== 200 || errors !== undefined)
      this.#failures.push({ status: response.status, errors });
  }

  /** Resolves when the requests that have started by now have ended. */
  async #requestsEnded() {
    await Promise.all(this.#running);
  }

  /** As HelpCrunch does, delivers again what a busy instance has accepted but not applied yet. */
  async #deliver(index: number) {
    const data = chatData({ id: 5_208, status: 'closed' });
    const body = wireDelivery({ event: 'chat.closed', eventData: data });
    const signature = signatureOf(body, secretsOf(this.#used).webhook);
    const headers = { 'content-type': 'application/json', 'x-helpcrunch-signature': signature };
    for (;;) {
      const url = `${this.#instances[index]?.url}/webhooks/helpcrunch`;
      const response = await fetch(url, { method: 'POST', headers, body });
      const text = await response.text();
      if (text.includes('This delivery is still being processed.')) continue;
      if (response.status !== 200) this.#failures.push({ status: response.status, text });
      return;
    }
  }

  /** A webhook and a mutation at each instance. */
  async #makeChanges() {
    for (const index of this.#instances.keys()) {
      await this.#deliver(index);
      await this.#ask(index, 'mutation { markChatRead(id: 5208, by: AGENT, read: true) { id } }');
      expect(this.#failures).toEqual([]);
      this.#changes += 1;
    }
  }

  /** The events of `makeChanges`. */
  async #receiveEvents() {
    for (const subscriber of this.#subscribers) {
      const received: unknown[] = [];
      while (received.length < 2 * this.#instances.length) received.push(await subscriber.next());
      expect(received.toSorted()).toEqual(['CLOSED', 'CLOSED', 'READ', 'READ']);
    }
  }

  async change() {
    await this.#makeChanges();
    await this.#receiveEvents();
  }

  /** Waits for all requests with the previous secrets. */
  async use(version: Version) {
    this.#used = version;
    await this.#requestsEnded();
    await this.change();
  }

  async reload(times: number) {
    for (const instance of this.#instances) {
      instance.send('SIGHUP');
      await instance.heard('configuration reloaded', times);
      await this.change();
    }
  }

  /** Replaces one instance. Its subscriber resumes at the new one after events that it has not received. */
  async replace(index: number, environment: Environment, isListening: () => Promise<void>) {
    const previous = this.#instances[index];
    const subscriber = this.#subscribers[index];
    const next = await this.start(environment);
    await isListening();
    expect((await fetch(`${next.url}/readyz`)).status).toBe(200);
    await this.change();
    this.#instances[index] = next;
    await this.#requestsEnded();
    previous?.stop();
    expect(await previous?.ended).toMatchObject({ code: 0 });
    await subscriber?.close();
    await this.#makeChanges();
    this.#subscribers[index] = await this.subscribe(next.url, subscriber?.lastId());
    await this.#receiveEvents();
  }
}

describeWithRedis('rotation of all secrets (needs Redis)', () => {
  test('by SIGHUP and by rolling restart under load no request fails, no event is lost, and the rate limit holds', async () => {
    await using redis = await startRedis();
    await using upstream = await startAccount();
    upstream.accept('first');
    await Promise.all([
      writeSecrets('key', 'first'),
      writeSecrets('jwt', 'first'),
      writeSecrets('webhook', 'first'),
    ]);
    await using deployment = new Deployment(upstream.url, redis.url);
    await deployment.startAll();
    await redis.listenedBy(2);
    await deployment.change();

    await Promise.all([
      writeSecrets('jwt', 'second', 'first'),
      writeSecrets('webhook', 'second', 'first'),
    ]);
    await deployment.reload(1);
    await deployment.use('second');
    await Promise.all([writeSecrets('jwt', 'second'), writeSecrets('webhook', 'second')]);
    await deployment.reload(2);

    upstream.accept('first', 'third');
    for (const index of [0, 1])
      await deployment.replace(index, variables('third', 'second'), () => redis.listenedBy(3));
    upstream.accept('third');
    await deployment.use('third');
    const { failures, requests, changes } = await deployment.stop();

    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(changes);
    expect(upstream.calls.length).toBeLessThanOrEqual(120);
    expect(new Set(upstream.calls.map(({ headers }) => headers.authorization))).toEqual(
      new Set([authorizationOf('first'), authorizationOf('third')]),
    );
  });
});
