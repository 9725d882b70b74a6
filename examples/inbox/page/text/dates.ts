import { locale, t } from './index.ts';

const dayMs = 86_400_000;

const startOfDay = (date: Date): number => new Date(date).setHours(0, 0, 0, 0);

const daysAgo = (date: Date): number =>
  Math.round((startOfDay(new Date()) - startOfDay(date)) / dayMs);

const format = (options: Intl.DateTimeFormatOptions) => {
  const formatter = new Intl.DateTimeFormat(locale, options);
  return (iso: string): string => formatter.format(new Date(iso));
};

export const timeOfDay = format({ hour: 'numeric', minute: '2-digit' });
export const fullTime = format({ dateStyle: 'full', timeStyle: 'short' });
export const shortDate = format({ dateStyle: 'medium' });
export const calendarDate = format({ dateStyle: 'medium', timeZone: 'UTC' });
/** Such as "Tue 9:00 AM". */
export const dayAndTime = format({ weekday: 'short', hour: 'numeric', minute: '2-digit' });

const weekday = format({ weekday: 'short' });
const dayAndMonth = format({ day: 'numeric', month: 'short' });
const longDay = format({ day: 'numeric', month: 'long' });
const longDate = format({ dateStyle: 'long' });
const dateAndTime = format({ dateStyle: 'medium', timeStyle: 'short' });

export function dayOf(iso: string): string {
  const date = new Date(iso);
  const days = daysAgo(date);
  if (days === 0) return t.today;
  if (days === 1) return t.yesterday;
  return date.getFullYear() === new Date().getFullYear() ? longDay(iso) : longDate(iso);
}

/** A short date or time for lists. */
export function when(iso: string): string {
  const days = daysAgo(new Date(iso));
  if (days === 0) return timeOfDay(iso);
  return days > 0 && days < 7 ? weekday(iso) : dayAndMonth(iso);
}

/** A time in the past or in the future, such as "Yesterday, 14:05". */
export function moment(iso: string): string {
  const days = daysAgo(new Date(iso));
  return days === 0 || days === 1 ? `${dayOf(iso)}, ${timeOfDay(iso)}` : dateAndTime(iso);
}
