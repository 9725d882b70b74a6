import { createHash } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { Shape } from '../lib/shape.ts';

const maxCounter = 0xfff;
const randomDigits = 15;
/** The digits that one random number provides. */
const digitsAtOnce = 5;

/** A UUID of version 7 (RFC 9562): the time in milliseconds, a counter, and 15 further hexadecimal digits. */
function formatUuid(atMs: number, counter: number, digits: string): string {
  const time = Math.floor(atMs).toString(16).padStart(12, '0');
  const sequence = counter.toString(16).padStart(3, '0');
  return [
    time.slice(0, 8),
    time.slice(8),
    `7${sequence}`,
    `8${digits.slice(0, 3)}`,
    digits.slice(3),
  ].join('-');
}

const eventId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** In lower case. */
export const isEventId: Shape<string> = (value): value is string =>
  typeof value === 'string' && eventId.test(value);

/** New ids for published events. Compared as texts, they are in the order of publication. */
export class EventIds {
  readonly #clock: Clock;
  #latestMs = 0;
  #counter = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  next(): string {
    const now = Math.floor(this.#clock.now());
    // The wall clock can be set back.
    if (now > this.#latestMs) {
      this.#latestMs = now;
      this.#counter = 0;
    } else if (this.#counter === maxCounter) {
      this.#latestMs += 1;
      this.#counter = 0;
    } else this.#counter += 1;
    let digits = '';
    while (digits.length < randomDigits) digits += this.#randomDigits();
    return formatUuid(this.#latestMs, this.#counter, digits);
  }

  #randomDigits(): string {
    const number = Math.floor(this.#clock.random() * 16 ** digitsAtOnce);
    return number.toString(16).padStart(digitsAtOnce, '0');
  }
}

/** The id of an event that several instances may receive or publish, the same at each of them. */
export function derivedEventId(atMs: number, publication: string): string {
  const hash = createHash('sha256').update(publication).digest('hex');
  return formatUuid(atMs, Number.parseInt(hash.slice(0, 3), 16), hash.slice(3, 3 + randomDigits));
}
