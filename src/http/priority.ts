const lowestForegroundUrgency = 5;

/** Whether a priority (RFC 9218) has the urgency 6 or 7: no user waits for the response. Of repeated members the last one counts. */
export function isBackgroundPriority(priority: unknown): boolean {
  if (typeof priority !== 'string') return false;
  const urgencies = priority
    .split(',')
    .flatMap((member) => /^[\t ]*u=(-?\d+)[\t ]*(?:;.*)?$/.exec(member)?.[1] ?? []);
  const urgency = Number(urgencies.at(-1) ?? 0);
  return urgency > lowestForegroundUrgency && urgency <= 7;
}
