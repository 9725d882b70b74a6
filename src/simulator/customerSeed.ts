import type { CustomerRow, Scalar } from './entities.ts';
import {
  companies,
  devices,
  englishFirstNames,
  englishLastNames,
  notes,
  otherPlaces,
  pages,
  tags,
  ukrainianFirstNames,
  ukrainianLastNames,
  ukrainianPlaces,
} from './names.ts';
import { createRandom, type Random } from './random.ts';

export const firstCustomerId = 7001;

const customerSequence = 2;
const dayMs = 86_400_000;
const messengers = ['telegram', 'instagram', 'facebook', 'viber', 'whatsapp'] as const;

interface Person {
  readonly name: string;
  /** The part of an email before the number. */
  readonly mailName: string;
  readonly locale: string;
}

/** One made-up customer; neither order nor neighbours matter. */
export function seedCustomer(seed: number, startMs: number, index: number): CustomerRow {
  const random = createRandom(seed, customerSequence, index);
  const id = firstCustomerId + index;
  const { name, mailName, locale } = seedPerson(random);
  const place = locale === 'uk' ? random.pick(ukrainianPlaces) : random.pick(otherPlaces);
  const device = random.pick(devices);
  const messenger = random.isLucky(0.3) ? random.pick(messengers) : null;
  const createdAt = startMs - random.integer(2 * dayMs, 700 * dayMs);
  const orNull = <T>(value: T, chance: number): T | null => (random.isLucky(chance) ? value : null);
  const page = () => `https://shop.example.com/${random.pick(pages)}`;

  return {
    id,
    createdAt,
    userId: orNull(`u-${id}`, 0.85),
    name: orNull(name, 0.96),
    email: orNull(`${mailName}${index % 900}@example.com`, messenger === null ? 0.95 : 0.4),
    company: orNull(random.pick(companies), 0.3),
    phone: orNull(seedPhone(locale, random), 0.5),
    firstSeen: createdAt,
    lastSeen: orNull(random.integer(createdAt, startMs - 60_000), 0.97),
    regionCode: messenger === null ? place.regionCode : null,
    countryCode: messenger === null ? place.countryCode : null,
    city: messenger === null ? place.city : null,
    device:
      messenger === null
        ? {
            id: 540_000 + index,
            ip: `${random.pick(['192.0.2', '198.51.100'])}.${random.integer(1, 254)}`,
            timezone: place.timezone,
            ...device,
          }
        : null,
    unsubscribed: random.isLucky(0.08),
    blocked: random.isLucky(0.01),
    source: orNull(page(), 0.7),
    referer: orNull('https://search.example.org/?q=велосипед', 0.4),
    lastPage: orNull(page(), 0.7),
    locale: orNull(locale, 0.95),
    createdFrom: messenger,
    integrationId: messenger === null ? null : String(random.integer(100_000_000, 6_999_999_999)),
    notes: orNull(random.pick(notes), 0.12),
    tags: tags.filter(() => random.isLucky(0.14)),
    customData: seedCustomData(createdAt, random),
  };
}

function seedPerson(random: Random): Person {
  if (random.isLucky(0.3)) {
    const first = random.pick(englishFirstNames);
    const last = random.pick(englishLastNames);
    return { name: `${first} ${last}`, mailName: mailNameOf(first, last), locale: 'en' };
  }
  const [first, firstLatin] = random.pick(ukrainianFirstNames);
  const [last, lastLatin] = random.pick(ukrainianLastNames);
  return {
    name: random.isLucky(0.7) ? `${first} ${last}` : `${firstLatin} ${lastLatin}`,
    mailName: mailNameOf(firstLatin, lastLatin),
    locale: 'uk',
  };
}

const mailNameOf = (first: string, last: string): string =>
  `${first}.${last}`
    .normalize('NFD')
    .replace(/[^A-Za-z.]/g, '')
    .toLowerCase();

// Unassigned phone numbers: an unused Ukrainian prefix and the range reserved for fiction.
const seedPhone = (locale: string, random: Random): string =>
  locale === 'uk'
    ? `+38000${random.integer(1_000_000, 9_999_999)}`
    : `+120255501${random.integer(10, 99)}`;

function seedCustomData(createdAt: number, random: Random): Readonly<Record<string, Scalar>> {
  if (random.isLucky(0.25)) return {};
  return {
    plan: random.pick(['free', 'pro', 'корпоративний']),
    ...(random.isLucky(0.6) && { seats: random.integer(1, 40) }),
    ...(random.isLucky(0.4) && { wholesale: random.isLucky(0.3) }),
    ...(random.isLucky(0.4) && { renewedAt: String(Math.floor(createdAt / 1000)) }),
    ...(random.isLucky(0.2) && { balance: random.integer(-5000, 90_000) / 100 }),
    ...(random.isLucky(0.1) && { coupon: null }),
  };
}
