import { randomUUID } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import { guarded } from '../observability/guarded.ts';
import { JsonError, parseJson } from '../lib/json.ts';
import type { Log } from '../observability/log.ts';
import { isNumber, isText, objectOf, oneOf } from '../lib/shape.ts';
import type { Unexpected } from '../redis/unexpectedData.ts';
import type { EventBus, DomainEvent } from './bus.ts';
import { isNews } from './bus.ts';
import type { LocalEventBus } from './localBus.ts';
import { eventKeyPrefix } from './redisConnection.ts';
import type { EventsRedis } from './redisConnection.ts';

const eventChannel = `${eventKeyPrefix}changes`;

/** How often an instance makes sure that it hears. */
const heartbeatMs = 5_000;
/** What is on its way arrives within this time, or not at all. */
const ackTimeoutMs = 250;
const maxPendingAcks = 1_000;

interface Envelope {
  readonly from: string;
  readonly sequence: number;
  readonly account?: string;
  readonly event?: DomainEvent;
  /** Something could not be said. */
  readonly isGap?: true;
}

/** More than the longest message of a chat takes; a webhook has at most a megabyte. */
const maxLength = 8_388_608;

const isEnvelope = objectOf<Envelope>(
  {
    from: isText,
    sequence: isNumber,
    account: isText,
    event: isNews,
    isGap: oneOf(true),
  },
  ['from', 'sequence'],
);

/** Undefined for a message of another form. */
function parseEnvelope(text: string): Envelope | undefined {
  if (text.length > maxLength) return undefined;
  try {
    const value = parseJson(text);
    if (!isEnvelope(value)) return undefined;
    return (value.account === undefined) === (value.event === undefined) ? value : undefined;
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}

interface SharedFeedParts {
  readonly link: EventsRedis;
  readonly clock: Clock;
  readonly log: Log;
  readonly unexpected: Unexpected;
}

/**
 * The feed of all instances: what one announces is heard at each, in the order in which Redis passes it on. Without Redis each hears its
 * own, and all are told of a gap afterwards.
 */
export function createRedisEventBus(local: LocalEventBus, parts: SharedFeedParts): EventBus {
  const { link: redis, clock, log, unexpected } = parts;
  const instanceId = randomUUID();
  const subscriber = redis.createSubscriber();
  /** What was said here and has not come back yet, in order. */
  const pendingAcks = new Map<number, () => void>();
  let sentCount = 0;
  let isSubscribed = false;
  let wasDisconnected = false;
  let hasLostEvents = false;
  let isClosed = false;

  /** Tells those who listen here of all that was said up to this number. */
  function deliverUpTo(sequence: number): void {
    for (const [pending, deliver] of pendingAcks) {
      if (pending > sequence) return;
      pendingAcks.delete(pending);
      deliver();
    }
  }

  const publish = async (message: Omit<Envelope, 'from'>): Promise<boolean> => {
    const text = JSON.stringify({ from: instanceId, ...message } satisfies Envelope);
    return (
      (await redis.tryCommand((connection) => connection.publish(eventChannel, text))) !== undefined
    );
  };

  /** Says it to all, and to those who listen here when it comes back, or will not. */
  async function send(
    message: Omit<Envelope, 'from' | 'sequence'>,
    deliver: () => void,
  ): Promise<void> {
    sentCount += 1;
    const sequence = sentCount;
    pendingAcks.set(sequence, deliver);
    if (!isSubscribed || pendingAcks.size > maxPendingAcks) deliverUpTo(sequence);
    const isPublished = await publish({ sequence, ...message });
    if (!isPublished) {
      if (message.event !== undefined) hasLostEvents = true;
      deliverUpTo(sequence);
      return;
    }
    clock.after(ackTimeoutMs, () => {
      if (!pendingAcks.has(sequence)) return;
      deliverUpTo(sequence);
      // The line is open but carries nothing.
      subscriber.disconnect(true);
    });
  }

  function receive(text: string): void {
    const message = parseEnvelope(text);
    if (message === undefined) unexpected.report('event');
    else if (message.from === instanceId) deliverUpTo(message.sequence);
    else if (message.isGap === true) local.signalGap();
    else if (message.account !== undefined && message.event !== undefined) {
      local.publish(message.account, message.event);
    }
  }

  async function signalLostEvents(): Promise<void> {
    if (!hasLostEvents) return;
    hasLostEvents = false;
    if (!(await publish({ sequence: 0, isGap: true }))) hasLostEvents = true;
  }

  let cancelHeartbeat = (): void => undefined;
  function scheduleHeartbeat(): void {
    cancelHeartbeat = clock.after(heartbeatMs, () => void heartbeat());
  }
  async function heartbeat(): Promise<void> {
    await signalLostEvents();
    if (isSubscribed) await send({}, () => undefined);
    if (!isClosed) scheduleHeartbeat();
  }

  subscriber.on('error', () => {
    wasDisconnected = true;
  });
  subscriber.on(
    'message',
    guarded({ log, name: 'event message' }, (_channel: string, text: string) => {
      receive(text);
    }),
  );
  subscriber.on('close', () => {
    isSubscribed = false;
    wasDisconnected = true;
    deliverUpTo(sentCount);
  });
  subscriber.on('ready', () => {
    subscriber.subscribe(eventChannel).then(
      () => {
        isSubscribed = true;
        // What was said while nobody listened here is unknown.
        if (wasDisconnected) local.signalGap();
        wasDisconnected = false;
        void signalLostEvents();
      },
      () => subscriber.disconnect(!isClosed),
    );
  });
  scheduleHeartbeat();

  return {
    publish(account, event) {
      void send({ account, event }, () => {
        local.publish(account, event);
      });
    },
    subscribe: local.subscribe,
    subscriberCount: local.subscriberCount,
    close() {
      isClosed = true;
      cancelHeartbeat();
      subscriber.disconnect();
      redis.close();
      local.close();
    },
  };
}
