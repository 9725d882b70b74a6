import type { Clock } from '../../support/clock.ts';
import { UpstreamError } from '../errors.ts';
import type { Demand, RateStatus, Slot } from './budget.ts';
import { createForecast } from './forecast.ts';
import type { Ledger } from './ledger.ts';
import type { Place, Waiter } from './line.ts';
import { createLine, noWants } from './line.ts';

/** No timer reaches further, and no client is sent away for longer. */
const longestMs = 3_600_000;

const reasonOf = ({ reason }: AbortSignal): Error =>
  reason instanceof Error ? reason : new Error('aborted');

const refusal = (retryAfterMs: number): UpstreamError =>
  new UpstreamError('rateLimited', 'The budget of calls cannot serve this in time.', {
    neverLeft: true,
    retryAfterMs,
  });

export type Lane = ReturnType<typeof createLane>;

/** One tenant's calls: those that wait, and the ledger that says how many may leave. */
export function createLane(clock: Clock, ledgerFor: (onChange: () => void) => Ledger) {
  const line = createLine();
  let isScheduled = false;
  let cancelTimer = (): void => undefined;
  const ledger = ledgerFor(schedule);

  /** Decisions of one moment are made together: their order then does not depend on who spoke first. */
  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    queueMicrotask(review);
  }

  const untilMs = (at: number): number =>
    Math.min(longestMs, Math.max(1, Math.ceil(at - clock.monotonic())));

  function serve(place: Place): void {
    line.serve(place);
    place.waiter.serve(ledger.take());
  }

  /** Most calls are alone, and there is room for them. */
  function serveOnly(): boolean {
    const place = line.only();
    if (place === undefined || ledger.free() < 1 || place.deadlineMs <= clock.monotonic())
      return false;
    serve(place);
    return true;
  }

  /** Serves whom it can, refuses whom nothing can serve in time, and says when to look again. */
  function review(): void {
    isScheduled = false;
    cancelTimer();
    if (line.size() === 0 || serveOnly()) {
      ledger.want(noWants);
      return;
    }
    const wants = { ...noWants };
    const picture = ledger.picture(line.lengths());
    const forecast = createForecast(picture, clock.monotonic());
    let ready = ledger.free();
    let firstDeadline = Infinity;
    let refused: Place[] = [];

    const tellRefused = () => {
      const retryAfterMs = untilMs(Math.max(forecast.next, picture.likelyOpenAt));
      for (const { waiter } of refused) {
        line.remove(waiter);
        waiter.fail(refusal(retryAfterMs));
      }
      refused = [];
    };

    for (const place of line.places()) {
      // The time to come back is that of the next call of the same kind, behind all that stay.
      if (refused[0] !== undefined && refused[0].priority !== place.priority) tellRefused();
      if (forecast.next >= place.deadlineMs) {
        refused.push(place);
        continue;
      }
      if (ready > 0) {
        ready -= 1;
        serve(place);
      } else {
        wants[place.priority] += 1;
        firstDeadline = Math.min(firstDeadline, place.deadlineMs);
      }
      forecast.advance();
    }
    tellRefused();
    ledger.want(wants);
    if (line.size() === 0) return;
    const waitMs = untilMs(Math.min(firstDeadline, ledger.wakeAt()));
    cancelTimer = clock.after(waitMs, review);
  }

  return {
    acquire: (demand: () => Demand, signal: AbortSignal): Promise<Slot> =>
      new Promise((resolve, reject) => {
        if (signal.aborted) {
          reject(reasonOf(signal));
          return;
        }
        const leave = () => {
          line.remove(waiter);
          reject(reasonOf(signal));
          schedule();
        };
        const waiter: Waiter = {
          demand,
          serve(slot) {
            signal.removeEventListener('abort', leave);
            resolve(slot);
          },
          fail(error) {
            signal.removeEventListener('abort', leave);
            reject(error);
          },
        };
        signal.addEventListener('abort', leave, { once: true });
        line.add(waiter);
        schedule();
      }),

    reconsider(): void {
      if (line.size() > 0) schedule();
    },

    retryAfterMs(): number {
      const waiting = line.lengths();
      const picture = ledger.picture(waiting);
      const forecast = createForecast(picture, clock.monotonic());
      const { write, read } = waiting;
      for (let ahead = write + read; ahead > 0; ahead -= 1) forecast.advance();
      return untilMs(Math.max(forecast.next, picture.likelyOpenAt));
    },

    status: (): RateStatus => ledger.status(),
    lengths: line.lengths,
    isIdle: (): boolean => line.size() === 0 && ledger.isIdle(),

    close(): void {
      cancelTimer();
      line.empty(new UpstreamError('unavailable', 'The gateway is closing.', { neverLeft: true }));
    },
  };
}
