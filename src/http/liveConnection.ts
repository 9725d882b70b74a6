import { Disposer } from '../lib/disposer.ts';
import type { ClientIdentity } from './clientOperations.ts';
import { crossAccountLimitKeyOf } from './clientOperations.ts';
import type { ConnectionLimits, Release } from './connectionLimits.ts';

/**
 * Admits a live connection of a client; undefined where the process or the viewer has too many. A connection with an API key that HelpCrunch
 * has not accepted counts as unauthenticated until it is, so that invented keys cannot use up the connections of others. `close` is called
 * when the connection must end early: it is evicted, or its viewer has too many once it is known.
 */
export function admitConnection(
  limits: ConnectionLimits,
  client: Pick<ClientIdentity, 'access' | 'address'>,
  close: () => void,
): Release | undefined {
  const { access, address } = client;
  const acquire = () => limits.acquire(crossAccountLimitKeyOf(client));
  if (access.isUnverified !== true || access.onVerified === undefined) return acquire();
  if (limits.isFull) return undefined;
  const held = new Disposer();
  const releaseUnauthenticated = limits.unauthenticated.add(address, close);
  held.add(releaseUnauthenticated);
  held.add(
    access.onVerified(() => {
      releaseUnauthenticated();
      const release = acquire();
      if (release === undefined) close();
      else held.add(release);
    }),
  );
  return () => held.dispose();
}
