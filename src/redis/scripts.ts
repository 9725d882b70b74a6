import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

interface RedisScript {
  readonly text: string;
  readonly sha: string;
}

export type RedisScripts = ReturnType<typeof createRedisScripts>;
export type ScriptName = keyof RedisScripts;

const readScript = (name: string): string =>
  readFileSync(new URL(`./scripts/${name}.lua`, import.meta.url), 'utf8');

/** The time of the Redis server, the only clock that all instances share. Tests replace it to control the time. */
const serverTime = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/** Scripts, each of which Redis runs atomically. The time source defines `now` in milliseconds. */
export function createRedisScripts(timeSource = serverTime) {
  const libraries = {
    time: timeSource,
    types: readScript('lib/types'),
    throttle: readScript('lib/throttle'),
    tags: readScript('lib/tags'),
    eventLog: readScript('lib/eventLog'),
  };
  const script = (name: string, ...used: (keyof typeof libraries)[]): RedisScript => {
    const text = [...used.map((library) => libraries[library]), readScript(name)].join('');
    return { text, sha: createHash('sha1').update(text).digest('hex') };
  };
  return {
    getEntries: script('getEntries', 'tags'),
    putEntries: script('putEntries', 'tags'),
    invalidate: script('invalidate', 'tags'),
    acquireDelivery: script('acquireDelivery'),
    replaceRecord: script('replaceRecord'),
    recordPopular: script('recordPopular', 'types'),
    recordWrite: script('recordWrite'),
    recordWebhook: script('recordWebhook'),
    acquirePermits: script('acquirePermits', 'time', 'types', 'throttle'),
    completeLeases: script('completeLeases', 'time', 'types'),
    updateThrottle: script('updateThrottle', 'time', 'types', 'throttle'),
    resync: script('resync', 'time', 'types', 'throttle'),
    heartbeat: script('heartbeat', 'time', 'types'),
    appendEvents: script('appendEvents', 'time', 'types', 'eventLog'),
    readEvents: script('readEvents', 'time', 'types', 'eventLog'),
    eraseEvents: script('eraseEvents', 'types', 'eventLog'),
  };
}
