import type { Texts } from '../../text/en.ts';

export interface SnoozePreset {
  readonly name: keyof Texts['snoozePreset'];
  readonly until: Date;
}

const secondMs = 1_000;
const hourMs = 3_600_000;
const morningHour = 9;

/** HelpCrunch stores whole seconds. */
function inHours(hours: number, now: Date): Date {
  return new Date(Math.ceil((now.getTime() + hours * hourMs) / secondMs) * secondMs);
}

function morningIn(days: number, now: Date): Date {
  const date = new Date(now);
  date.setDate(date.getDate() + days);
  date.setHours(morningHour, 0, 0, 0);
  return date;
}

export function snoozePresets(now: Date): readonly SnoozePreset[] {
  const daysToMonday = (8 - now.getDay()) % 7 || 7;
  return [
    { name: 'hour', until: inHours(1, now) },
    { name: 'threeHours', until: inHours(3, now) },
    { name: 'tomorrow', until: morningIn(1, now) },
    { name: 'monday', until: morningIn(daysToMonday, now) },
  ];
}
