import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { startControlledUpstream } from '../test/support/controlledUpstream.ts';
import type { TestRedis } from '../test/support/redis.ts';
import { startPersistentRedis } from '../test/support/redis.ts';
import { CrowdMember, createRandom } from '../test/support/resumingCrowd.ts';
import type { SubscriberTransport } from '../test/support/resumingSubscriber.ts';
import { chatData, deliver, webhookSecret } from '../test/support/webhooks.ts';
import type { GatewayProcess } from './soak/processes.ts';
import { root, startGatewayProcess } from './soak/processes.ts';
import { formatTable } from './table.ts';

const instances = 3;
const subscribers = 1_000;
const disconnections = 20;
const chats = 20;
const eventsPerChat = 50;
const restarts = 5;
const outageMs = 1_000;
const redisKills = 2;
/** So that the events spread over the disconnections. */
const pauseMs = 60;
const transports: readonly SubscriberTransport[] = ['websocket', 'websocket', 'sse', 'multipart'];
const query =
  'subscription ($after: ID) { chatUpdated(after: $after) { change chat { id status } } }';
const places = '1000000';

interface Result {
  readonly data?: { readonly chatUpdated: { readonly chat: { readonly id: string } } } | null;
  readonly extensions: { readonly eventId: string };
}

const eventOf = ({ data, extensions }: Result) =>
  data ? ([data.chatUpdated.chat.id, extensions.eventId] as const) : undefined;

interface Stage {
  readonly all: GatewayProcess[];
  readonly random: () => number;
  readonly redis: TestRedis;
  readonly start: () => Promise<unknown>;
}

/** Delivers a webhook as HelpCrunch does: again, if it was not accepted. */
async function publish({ all, random }: Stage, chatId: number, index: number): Promise<void> {
  const delivery = {
    event: 'chat.status_updated',
    eventData: chatData({ id: chatId, status: index % 2 === 0 ? 'pending' : 'opened' }),
    id: `${chatId} ${index}`,
    atMs: Date.now(),
  };
  for (;;) {
    const { url = '' } = all[Math.floor(random() * all.length)] ?? {};
    const response = await deliver({ url }, delivery).catch(() => undefined);
    if (response?.status === 200) return;
    await sleep(20);
  }
}

/** Publishes all events, while instances restart and Redis is killed. */
async function disturb(stage: Stage): Promise<void> {
  const { all, redis, start } = stage;
  const isStep = (index: number, times: number, offset: number) =>
    Array.from({ length: times }, (_, step) =>
      Math.floor(((step + offset) * eventsPerChat) / times),
    ).includes(index);
  for (let index = 1; index < eventsPerChat; index += 1) {
    const isOutage = isStep(index, redisKills, 0.4);
    if (isOutage) await redis.kill();
    // An event that is published during an outage is accepted after it.
    const restarted = isOutage ? sleep(outageMs).then(() => redis.restart()) : undefined;
    for (let chatId = 1; chatId <= chats; chatId += 1) {
      await publish(stage, chatId, index);
      await sleep(pauseMs);
    }
    await restarted;
    if (!isStep(index, restarts, 0.5)) continue;
    await start();
    await all.shift()?.stop();
  }
}

/** The counts of events that members have not received, have received twice, or in another order than the first member. */
function compare(crowd: readonly CrowdMember[]) {
  const [reference] = crowd;
  const sums = { lost: 0, duplicated: 0, disordered: 0, missed: 0 };
  for (const { received, errors } of crowd) {
    sums.missed += errors.length;
    for (let chatId = 1; chatId <= chats; chatId += 1) {
      const ids = received.get(String(chatId)) ?? [];
      const distinct = new Set(ids);
      sums.lost += eventsPerChat - distinct.size;
      sums.duplicated += ids.length - distinct.size;
      if (ids.join() !== reference?.received.get(String(chatId))?.join()) sums.disordered += 1;
    }
  }
  return sums;
}

async function withCrowd(stage: Stage, seed: number): Promise<boolean> {
  const { all, random } = stage;
  const crowd = Array.from(
    { length: subscribers },
    (_, index) =>
      new CrowdMember({
        ...{ random, query, disconnections, total: chats * eventsPerChat },
        urls: () => all.map(({ url }) => url),
        transport: transports[index % transports.length] ?? 'sse',
        read: eventOf,
      }),
  );
  await Promise.all(crowd.map((member) => member.connect()));
  const count = async () => {
    const figures = await Promise.all(all.map((gateway) => gateway.figures()));
    return figures.reduce((sum, each) => sum + (each.get('helpcrunch_subscriptions') ?? 0), 0);
  };
  while ((await count()) < subscribers) await sleep(100);
  for (let chatId = 1; chatId <= chats; chatId += 1) await publish(stage, chatId, 0);
  await Promise.all(crowd.map((member) => member.receive(1)));
  const startedAt = performance.now();
  const runs = crowd.map((member) => member.run());
  await disturb(stage);
  const late = sleep(120_000, 'late', { ref: false });
  const end = await Promise.race([Promise.all(runs), late]);
  const seconds = (performance.now() - startedAt) / 1_000;
  await Promise.all(crowd.map((member) => member.close()));
  const { lost, duplicated, disordered, missed } = compare(crowd);
  const made = crowd.reduce((sum, member) => sum + member.disconnections, 0);
  const head = ['subscribers', 'events', 'disconnections', 'restarts', 'Redis kills', 'lost'];
  const row = [subscribers, chats * eventsPerChat, made, restarts, redisKills, lost];
  const rest = {
    duplicated,
    'another order': disordered,
    missed,
    seconds: seconds.toFixed(0),
    seed,
  };
  process.stdout.write(
    `Resuming at other instances\n\n${formatTable([...head, ...Object.keys(rest)], [[...row, ...Object.values(rest)].map(String)])}\n`,
  );
  for (const { errors } of crowd.filter((member) => member.errors.length > 0).slice(0, 3))
    process.stdout.write(`${JSON.stringify(errors[0])}\n`);
  for (const line of all.flatMap(({ complaints }) => complaints.slice(0, 5)))
    process.stdout.write(`${line}\n`);
  return end !== 'late' && lost + duplicated + disordered + missed === 0;
}

/** Many subscribers that disconnect and continue at other instances, while these restart and Redis is killed. */
export async function runResume(): Promise<boolean> {
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' });
  const redis = await startPersistentRedis();
  const upstream = await startControlledUpstream();
  upstream.seed({ chats: Array.from({ length: chats }, (_, index) => ({ id: index + 1 })) });
  const seed = 23;
  const all: GatewayProcess[] = [];
  const start = async () => {
    const settings = {
      HELPCRUNCH_API_KEY: upstream.key,
      HELPCRUNCH_API_URL: upstream.url,
      HELPCRUNCH_WEBHOOK_SECRET: webhookSecret,
      HELPCRUNCH_RATE_LIMIT: '0',
      REDIS_URL: redis.url,
      MAX_LIVE_CONNECTIONS: places,
      MAX_LIVE_CONNECTIONS_PER_VIEWER: places,
      MAX_SUBSCRIPTIONS_PER_VIEWER: places,
      REQUEST_RATE_LIMIT: '0',
    };
    all.push(await startGatewayProcess(settings, []));
  };
  try {
    await Promise.all(Array.from({ length: instances }, start));
    return await withCrowd({ all, redis, start, random: createRandom(seed) }, seed);
  } finally {
    await Promise.all(all.map((gateway) => gateway.kill()));
    await upstream[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
  }
}
