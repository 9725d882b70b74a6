import type { RedisConnections } from '../../redis/connection.ts';
import { hashedName } from '../../redis/keys.ts';
import { ClusterMembership } from './clusterMembership.ts';
import type { PermitRequest, RateLimiter } from './limiter.ts';
import type { QuotaViewer } from './quotas.ts';
import { RedisPermitWindow } from './redisWindow.ts';
import type { RateLimiterOptions } from './registry.ts';
import { createRateLimiter, defaultTiming, RateLimiterRegistry } from './registry.ts';

export interface RedisRateLimiterOptions extends RateLimiterOptions {
  readonly redis: RedisConnections;
}

const heartbeatMs = 1_000;
const maxHashes = 10_000;

/** Redis stores the viewers of calls: without the ids of customers or agents. */
function createViewerHash(): (viewer: QuotaViewer) => QuotaViewer {
  const hashes = new Map<string, string>();
  return ({ key, class: viewerClass }) => {
    const hash = hashes.get(key) ?? hashedName(key);
    if (hashes.size >= maxHashes) hashes.clear();
    hashes.set(key, hash);
    return { key: hash, class: viewerClass };
  };
}

/** A rate limiter that several instances share. It sends heartbeats until it is closed. */
export function createRedisRateLimiter(options: RedisRateLimiterOptions): RateLimiter {
  const { limit, clock, redis } = options;
  // Without a limit there is nothing to share.
  if (limit === 0) return createRateLimiter(options);

  const timing = { ...defaultTiming, ...options };
  const windows = new Map<string, RedisPermitWindow>();
  const cluster = new ClusterMembership({
    redis,
    clock,
    heartbeatMs,
    events: {
      onModeChange() {
        for (const window of windows.values()) window.changeMode();
      },
      onHeartbeat() {
        for (const account of windows.keys()) void registry.refresh(account);
      },
      async resync() {
        const synced = await Promise.all(Array.from(windows.values(), (each) => each.resync()));
        return synced.every(Boolean);
      },
    },
  });
  const registry: RateLimiterRegistry = new RateLimiterRegistry({
    ...timing,
    createWindow(account, onChange) {
      const window = new RedisPermitWindow({ ...timing, cluster, account }, onChange);
      windows.set(account, window);
      return window;
    },
    onRemove: (account) => void windows.delete(account),
  });

  const hashedViewer = createViewerHash();
  const hashed = ({ candidates, deadlineMs }: PermitRequest): PermitRequest => ({
    deadlineMs,
    candidates: candidates.map(({ viewer, priority }) => ({
      viewer: hashedViewer(viewer),
      priority,
    })),
  });

  return {
    acquire: (account, request, signal) =>
      registry.acquire(account, () => hashed(request()), signal),
    reevaluate: (account) => registry.reevaluate(account),
    status: (account) => registry.ensure(account).status(),
    viewerStatus: (account, viewer) => registry.viewerStatus(account, hashedViewer(viewer)),
    refresh: (account) => registry.ensure(account).refresh(),
    rejection: (account, viewer, priority) =>
      registry.rejection(account, hashedViewer(viewer), priority),
    shortage: (account, viewer, required) =>
      registry.shortage(account, hashedViewer(viewer), required),
    queueLengths: () => registry.queueLengths(),
    isShared: () => cluster.mode() === 'distributed',
    close() {
      registry.close();
      cluster.close();
      windows.clear();
    },
  };
}
