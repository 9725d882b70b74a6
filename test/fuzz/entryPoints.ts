import { callbacks } from './callbacks.ts';
import { documents } from './documents.ts';
import { rawHttp } from './rawHttp.ts';
import { redis } from './redis.ts';
import type { EntryPoint } from './session.ts';
import { sse } from './sse.ts';
import { upgrades } from './upgrades.ts';
import { upstream } from './upstream.ts';
import { webhooks } from './webhooks.ts';
import { webSocket } from './webSocket.ts';

/** Every way by which input of others reaches the gateway. */
export const entryPoints: readonly EntryPoint<any>[] = [
  rawHttp,
  upgrades,
  documents,
  webSocket,
  sse,
  callbacks,
  webhooks,
  redis,
  upstream,
];
