import type { Lease } from './permitWindow.ts';
import type { StoredPermit, WindowSnapshot } from './windowSnapshot.ts';

/** Redis' clock and the one here may drift apart by less than this while a permit counts. */
export const clockDriftToleranceMs = 1_000;

/** The permits that Redis must still hold: the calls of the others may have ended right after the report, but then count for a window. */
export const permitsExpectedInRedis = (
  { held, receivedAt }: WindowSnapshot,
  now: number,
  windowMs: number,
): readonly StoredPermit[] =>
  held.filter(
    ({ releasesAt }) => Math.min(releasesAt, receivedAt + windowMs) > now + clockDriftToleranceMs,
  );

interface KnownPermits {
  readonly snapshot: WindowSnapshot;
  readonly own: readonly Lease[];
  readonly now: number;
  readonly windowMs: number;
}

/** Whether permits are missing in what Redis reports now. Instances change the version when they remove or replace their own permits. */
export function hasLostPermits(known: KnownPermits, reported: WindowSnapshot): boolean {
  const { snapshot, own, now, windowMs } = known;
  const found = new Set(reported.held.map(({ id }) => id));
  const isComparable = (reported.version ?? 0) <= (snapshot.version ?? -1);
  const expected = [
    ...own.filter(
      ({ isStored, releasesAt }) => isStored && releasesAt > now + clockDriftToleranceMs,
    ),
    ...(isComparable ? permitsExpectedInRedis(snapshot, now, windowMs) : []),
  ];
  return expected.some(({ id }) => !found.has(id));
}

/** All permits that count by any of the sources, each once; the first source has the time of its release. */
export function mergePermits(
  now: number,
  ...sources: readonly (readonly StoredPermit[])[]
): readonly StoredPermit[] {
  const permits = new Map<string, StoredPermit>();
  for (const permit of sources.flat())
    if (permit.releasesAt > now && !permits.has(permit.id)) permits.set(permit.id, permit);
  return [...permits.values()];
}
