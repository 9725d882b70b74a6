import type { CustomerInput } from './customerDesk.ts';
import type { Scalar, TagRow } from './entities.ts';
import {
  isFields,
  readFilledText,
  readFlag,
  readList,
  readNullable,
  readShortText,
  readText,
  readTime,
  type Fields,
  type Problems,
  type Reader,
} from './validate.ts';

const defaultTagColor = '#c377e0';

const textFields = [
  'name',
  'company',
  'phone',
  'source',
  'referer',
  'lastPage',
  'locale',
  'createdFrom',
  'integrationId',
  'city',
  'regionCode',
  'countryCode',
] as const;
const timeFields = ['firstSeen', 'lastSeen'] as const;
const flagFields = ['unsubscribed', 'blocked'] as const;

const readTag: Reader<TagRow> = (problems, path, value) => {
  const { name, color } = isFields(value) ? value : {};
  return {
    name: readFilledText(problems, `${path}.name`, name),
    color: readText(problems, `${path}.color`, color ?? defaultTagColor),
  };
};

/** Tags that are given; a tag without a colour gets the default one. */
export const readTags: Reader<readonly TagRow[]> = (problems, path, value) =>
  readList(problems, path, value).map((tag, place) => readTag(problems, `${path}[${place}]`, tag));

export const isScalar = (value: unknown): value is Scalar =>
  value === null || ['string', 'number', 'boolean'].includes(typeof value);

const readEmail: Reader<string> = (problems, path, value) => {
  const email = readText(problems, path, value);
  if (typeof value === 'string' && !/^[^\s@]+@[^\s@]+$/.test(email)) {
    problems.add(path, 'This value is not a valid email address.');
  }
  return email;
};

const readCustomValue: Reader<Scalar> = (problems, path, value = null) => {
  if (typeof value === 'string') return readShortText(problems, path, value);
  if (isScalar(value)) return value;
  problems.add(path, 'This value should be of type scalar.');
  return null;
};

/** Custom data is written as a list of pairs although it is read as an object. */
const readCustomData: Reader<Readonly<Record<string, Scalar>>> = (problems, path, value) =>
  Object.fromEntries(
    readList(problems, path, value).map((pair, place): [string, Scalar] => {
      const fields = isFields(pair) ? pair : {};
      const at = `${path}[${place}]`;
      return [
        readFilledText(problems, `${at}.property`, fields['property']),
        readCustomValue(problems, `${at}.value`, fields['value']),
      ];
    }),
  );

/** The custom attributes of the account. */
const registeredAttributes: ReadonlySet<string> = new Set([
  'plan',
  'seats',
  'wholesale',
  'renewedAt',
  'balance',
  'coupon',
]);

export function refuseUnregistered(problems: Problems, input: CustomerInput, at = ''): void {
  for (const [place, property] of Object.keys(input.customData ?? {}).entries()) {
    if (registeredAttributes.has(property)) continue;
    problems.add(`${at}customData[${place}].property`, 'This value is not valid.');
  }
}

/** The fields of a customer that a body gives; `at` comes before each path of a problem. */
export function readCustomerInput(problems: Problems, fields: Fields, at = ''): CustomerInput {
  const given = <Name extends string, T>(
    names: readonly Name[],
    read: Reader<T>,
  ): Partial<Record<Name, T>> => {
    const found: Partial<Record<Name, T>> = {};
    for (const name of names) {
      if (fields[name] !== undefined) found[name] = read(problems, at + name, fields[name]);
    }
    return found;
  };
  return {
    ...given(textFields, readNullable(readText)),
    ...given(timeFields, readNullable(readTime)),
    ...given(flagFields, readFlag),
    ...given(['userId'], emptyAsNull(readText)),
    ...given(['email'], readNullable(readEmail)),
    ...given(['notes'], readNullable(readShortText)),
    ...given(['tags'], orEmpty(readTags, [])),
    ...given(['customData'], orEmpty(readCustomData, {})),
  };
}

const emptyAsNull =
  (read: Reader<string>): Reader<string | null> =>
  (problems, path, value) =>
    value === null || value === '' ? null : read(problems, path, value);

const orEmpty =
  <T>(read: Reader<T>, empty: T): Reader<T> =>
  (problems, path, value) =>
    value === null ? empty : read(problems, path, value);
