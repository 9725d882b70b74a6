import { calendarDate, shortDate } from './dates.ts';
import { locale, t } from './index.ts';

const dateKey = /(?:At|Date|Time|On|Since|Until)$|(?:^|[_ -])(?:at|date|time|on|since|until)$/;
const isoDate = /^\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?$/;
/** Their digits are not grouped, because they are copied and compared. */
const identifierKey = /(?:Id|ID|Number|Code|Year)$|(?:^|[_ -])(?:id|number|code|year)$/;
const numbers = new Intl.NumberFormat(locale);
const dayMs = 86_400_000;

/** Seconds or milliseconds since 1970, in this century. */
function timestampOf(value: unknown): number | undefined {
  const text = String(value);
  if (/^[1-3]\d{12}$/.test(text)) return Number(text);
  return /^[1-3]\d{9}$/.test(text) ? Number(text) * 1000 : undefined;
}

/** A time at midnight in UTC is a date without a time, which is the same in every time zone. */
function dateOf(time: number): string {
  const iso = new Date(time).toISOString();
  return time % dayMs === 0 ? calendarDate(iso) : shortDate(iso);
}

/** The text of a value of custom data. HelpCrunch stores dates as seconds, without their type. */
export function customValue(key: string, value: unknown): string {
  const timestamp = dateKey.test(key) ? timestampOf(value) : undefined;
  if (timestamp !== undefined) return dateOf(timestamp);
  if (typeof value === 'boolean') return value ? t.yes : t.no;
  if (typeof value === 'number') {
    return identifierKey.test(key) ? String(value) : numbers.format(value);
  }
  if (typeof value !== 'string') return JSON.stringify(value);
  const time = isoDate.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? value : dateOf(time);
}
