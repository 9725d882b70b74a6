import { en } from './en.ts';
import type { Texts } from './en.ts';
import { uk } from './uk.ts';

const languages = { en, uk } as const;

const isKnown = (language: string): language is keyof typeof languages => language in languages;

const wanted = navigator.languages.find((tag) => isKnown(tag.slice(0, 2))) ?? 'en';
const tag = wanted.slice(0, 2);

/** The first language of the browser that the page has texts in. */
export const language = isKnown(tag) ? tag : 'en';

/** The locale of dates and numbers. */
export const locale = wanted;

export const t: Texts = languages[language];

export const collator = new Intl.Collator(locale, { sensitivity: 'base', numeric: true });
