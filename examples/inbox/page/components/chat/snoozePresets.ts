import type { Texts } from '../../text/en.ts';

export interface SnoozePreset {
  readonly name: keyof Texts['snoozePreset'];
  readonly until: Date;
}

const hourMs = 3_600_000;
const morningHour = 9;

function morningIn(days: number, now: Date): Date {
  const date = new Date(now);
  date.setDate(date.getDate() + days);
  date.setHours(morningHour, 0, 0, 0);
  return date;
}

export function snoozePresets(now: Date): readonly SnoozePreset[] {
  const daysToMonday = (8 - now.getDay()) % 7 || 7;
  return [
    { name: 'hour', until: new Date(now.getTime() + hourMs) },
    { name: 'threeHours', until: new Date(now.getTime() + 3 * hourMs) },
    { name: 'tomorrow', until: morningIn(1, now) },
    { name: 'monday', until: morningIn(daysToMonday, now) },
  ];
}
