import type { Feed } from './feed.ts';
import { createListener } from './listener.ts';
import type { Listener } from './listener.ts';

/** A feed that can be told that it has missed something. */
export interface LocalFeed extends Feed {
  miss(): void;
}

/** Who is further behind than this does better to fetch anew. */
const usualMaxBuffered = 100;

/** The feed of this process alone. */
export function createLocalFeed(maxBuffered = usualMaxBuffered): LocalFeed {
  const tenants = new Map<string, Set<Listener>>();
  let count = 0;

  const everybody = () => [...tenants.values()].flatMap((listeners) => [...listeners]);

  return {
    announce(tenant, news) {
      for (const listener of tenants.get(tenant) ?? []) listener.tell(news);
    },
    miss() {
      for (const listener of everybody()) listener.miss();
    },
    listen(tenant, wants, signal) {
      const listeners = tenants.get(tenant) ?? new Set();
      const onEnd = () => {
        if (!listeners.delete(listener)) return;
        count -= 1;
        if (listeners.size === 0) tenants.delete(tenant);
      };
      const listener = createListener({ wants, maxBuffered, signal, onEnd });
      tenants.set(tenant, listeners.add(listener));
      count += 1;
      if (signal.aborted) listener.end();
      return listener.heard;
    },
    listeners: () => count,
    close() {
      for (const listener of everybody()) listener.end();
    },
  };
}
