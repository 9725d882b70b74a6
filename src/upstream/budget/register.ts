import type { GateState, Rate } from './gate.ts';
import { recoveryMs } from './gate.ts';
import type { Wants } from './line.ts';
import type { Link } from './link.ts';
import { prefix } from './link.ts';
import * as scripts from './scripts.ts';
import type { OwnCall, Timing } from './slots.ts';
import type { View } from './view.ts';
import { claimFromAnswer, gateFromText } from './view.ts';

export interface RegisterOptions extends Timing {
  readonly link: Link;
  readonly tenant: string;
  readonly limit: number;
  /** How long an instance that waits is believed to wait when it says nothing more. */
  readonly hungerMs: number;
}

export interface Claimed {
  readonly members: readonly string[];
  readonly view: View;
}

const maxGateTries = 3;

export type GateChange = (gate: GateState) => GateState;
export type Register = ReturnType<typeof createRegister>;

/** The calls of one tenant as Redis keeps them. Nothing here fails: undefined is no answer. */
export function createRegister(options: RegisterOptions) {
  const { link, tenant, limit, clock, windowMs, callMs, hungerMs } = options;
  const rate: Rate = { limit, windowMs };
  // One slot of a cluster holds all that one script needs.
  const [slots, hungry, gate] = ['slots', 'hungry', 'gate'].map(
    (part) => `${prefix}{${tenant}}:${part}`,
  );
  const keys = { slots: slots ?? '', hungry: hungry ?? '', gate: gate ?? '' };
  let claims = 0;
  let done: string[] = [];
  let dropped: string[] = [];

  /** What ends in one moment is told in one command. */
  function report(): void {
    if (done.length + dropped.length === 0) queueMicrotask(tell);
  }

  function tell(): void {
    const told = [...done, ...dropped];
    const doneCount = done.length;
    done = [];
    dropped = [];
    // When Redis is away it learns all of this by `reconcile`.
    if (link.mode() !== 'shared') return;
    void link.run(scripts.reportScript, [keys.slots], [windowMs, doneCount, ...told]);
  }

  return {
    /** Asks for calls, which leave their mark in Redis at once; none is also a way to hear what the others do. */
    async claim({ write, read, background }: Wants): Promise<Claimed | undefined> {
      claims += 1;
      const name = `${link.self}:${claims}`;
      const timing = [windowMs, callMs, limit, hungerMs, recoveryMs(rate)];
      const askedAt = clock.monotonic();
      const answer = await link.run(
        scripts.claimScript,
        [keys.slots, keys.hungry, keys.gate],
        [link.self, claims, ...timing, write, read, background],
      );
      if (answer === undefined) return undefined;
      const { granted, view } = claimFromAnswer(answer, { askedAt, here: clock.monotonic(), rate });
      return { view, members: Array.from({ length: granted }, (_, i) => `${name}:${i + 1}`) };
    },

    done(member: string): void {
      report();
      done.push(member);
    },

    /** They never left. */
    drop(members: readonly string[]): void {
      report();
      dropped.push(...members);
    },

    /** Gives the gate as it is then: when another instance was faster, its gate is changed instead. */
    async changeGate(before: GateState, change: GateChange): Promise<GateState | undefined> {
      let current = before;
      for (let tries = 0; tries < maxGateTries; tries += 1) {
        const after = change(current);
        if (after === current) break;
        const answer = await link.run(
          scripts.gateScript,
          [keys.gate],
          [current.version, JSON.stringify(after), scripts.gateLifeMs],
        );
        if (answer === undefined) return undefined;
        current = gateFromText(answer[1], rate);
        if (answer[0] === 1) break;
      }
      return current;
    },

    async reconcile(calls: readonly OwnCall[], state: GateState): Promise<boolean> {
      const now = clock.monotonic();
      const marks = calls.flatMap(({ id, freesAt }) => [id, Math.ceil(freesAt - now)]);
      const answer = await link.run(
        scripts.reconcileScript,
        [keys.slots, keys.gate],
        [link.self, callMs + windowMs, JSON.stringify(state), scripts.gateLifeMs, ...marks],
      );
      return answer !== undefined;
    },
  };
}
