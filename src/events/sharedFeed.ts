import { randomUUID } from 'node:crypto';
import type { Clock } from '../support/clock.ts';
import { guarded } from '../support/guarded.ts';
import { JsonError, parseJson } from '../support/json.ts';
import type { Log } from '../support/log.ts';
import { isNumber, isText, objectOf, oneOf } from '../support/shape.ts';
import type { Unexpected } from '../support/unexpected.ts';
import type { Feed, News } from './feed.ts';
import { isNews } from './feed.ts';
import type { LocalFeed } from './localFeed.ts';
import { prefix } from './redisLink.ts';
import type { RedisLink } from './redisLink.ts';

const channel = `${prefix}news`;

/** How often an instance makes sure that it hears. */
const beatMs = 5_000;
/** What is on its way arrives within this time, or not at all. */
const longestMs = 250;
const maxUnheard = 1_000;

interface Said {
  readonly from: string;
  readonly number: number;
  readonly tenant?: string;
  readonly news?: News;
  /** Something could not be said. */
  readonly isGap?: true;
}

/** More than the longest message of a chat takes; a webhook has at most a megabyte. */
const maxLength = 8_388_608;

const isSaid = objectOf<Said>(
  {
    from: isText,
    number: isNumber,
    tenant: isText,
    news: isNews,
    isGap: oneOf(true),
  },
  ['from', 'number'],
);

/** Undefined for a message of another form. */
function parse(text: string): Said | undefined {
  if (text.length > maxLength) return undefined;
  try {
    const value = parseJson(text);
    if (!isSaid(value)) return undefined;
    return (value.tenant === undefined) === (value.news === undefined) ? value : undefined;
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}

interface SharedFeedParts {
  readonly link: RedisLink;
  readonly clock: Clock;
  readonly log: Log;
  readonly unexpected: Unexpected;
}

/**
 * The feed of all instances: what one announces is heard at each, in the order in which Redis passes it on. Without Redis each hears its
 * own, and all are told of a gap afterwards.
 */
export function createSharedFeed(local: LocalFeed, parts: SharedFeedParts): Feed {
  const { link, clock, log, unexpected } = parts;
  const self = randomUUID();
  const listener = link.listener();
  /** What was said here and has not come back yet, in order. */
  const unheard = new Map<number, () => void>();
  let said = 0;
  let isListening = false;
  let hasBeenAway = false;
  let hasUntold = false;
  let isClosed = false;

  /** Tells those who listen here of all that was said up to this number. */
  function settle(number: number): void {
    for (const [earlier, tell] of unheard) {
      if (earlier > number) return;
      unheard.delete(earlier);
      tell();
    }
  }

  const publish = async (message: Omit<Said, 'from'>): Promise<boolean> => {
    const text = JSON.stringify({ from: self, ...message } satisfies Said);
    return (await link.run((redis) => redis.publish(channel, text))) !== undefined;
  };

  /** Says it to all, and to those who listen here when it comes back, or will not. */
  async function say(message: Omit<Said, 'from' | 'number'>, tell: () => void): Promise<void> {
    said += 1;
    const number = said;
    unheard.set(number, tell);
    if (!isListening || unheard.size > maxUnheard) settle(number);
    const isSaid = await publish({ number, ...message });
    if (!isSaid) {
      if (message.news !== undefined) hasUntold = true;
      settle(number);
      return;
    }
    clock.after(longestMs, () => {
      if (!unheard.has(number)) return;
      settle(number);
      // The line is open but carries nothing.
      listener.disconnect(true);
    });
  }

  function hear(text: string): void {
    const message = parse(text);
    if (message === undefined) unexpected.report('event');
    else if (message.from === self) settle(message.number);
    else if (message.isGap === true) local.miss();
    else if (message.tenant !== undefined && message.news !== undefined) {
      local.announce(message.tenant, message.news);
    }
  }

  async function confess(): Promise<void> {
    if (!hasUntold) return;
    hasUntold = false;
    if (!(await publish({ number: 0, isGap: true }))) hasUntold = true;
  }

  let cancelBeat = (): void => undefined;
  function rest(): void {
    cancelBeat = clock.after(beatMs, () => void beat());
  }
  async function beat(): Promise<void> {
    await confess();
    if (isListening) await say({}, () => undefined);
    if (!isClosed) rest();
  }

  listener.on('error', () => {
    hasBeenAway = true;
  });
  listener.on(
    'message',
    guarded({ log, name: 'event message' }, (_channel: string, text: string) => {
      hear(text);
    }),
  );
  listener.on('close', () => {
    isListening = false;
    hasBeenAway = true;
    settle(said);
  });
  listener.on('ready', () => {
    listener.subscribe(channel).then(
      () => {
        isListening = true;
        // What was said while nobody listened here is unknown.
        if (hasBeenAway) local.miss();
        hasBeenAway = false;
        void confess();
      },
      () => listener.disconnect(!isClosed),
    );
  });
  rest();

  return {
    announce(tenant, news) {
      void say({ tenant, news }, () => {
        local.announce(tenant, news);
      });
    },
    listen: local.listen,
    listeners: local.listeners,
    close() {
      isClosed = true;
      cancelBeat();
      listener.disconnect();
      link.close();
      local.close();
    },
  };
}
