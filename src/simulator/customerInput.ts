import type { CustomerInput } from './customerDesk.ts';
import type { Scalar, TagRow } from './entities.ts';
import {
  isFields,
  validateFilledText,
  validateFlag,
  validateList,
  validateNullable,
  validateShortText,
  validateText,
  validateTime,
  type Fields,
  type ValidationErrors,
  type FieldValidator,
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

const validateTag: FieldValidator<TagRow> = (problems, path, value) => {
  const { name, color } = isFields(value) ? value : {};
  return {
    name: validateFilledText(problems, `${path}.name`, name),
    color: validateText(problems, `${path}.color`, color ?? defaultTagColor),
  };
};

/** Tags that are given; a tag without a colour gets the default one. */
export const validateTags: FieldValidator<readonly TagRow[]> = (problems, path, value) =>
  validateList(problems, path, value).map((tag, place) =>
    validateTag(problems, `${path}[${place}]`, tag),
  );

export const isScalar = (value: unknown): value is Scalar =>
  value === null || ['string', 'number', 'boolean'].includes(typeof value);

const validateEmail: FieldValidator<string> = (problems, path, value) => {
  const email = validateText(problems, path, value);
  if (typeof value === 'string' && !/^[^\s@]+@[^\s@]+$/.test(email)) {
    problems.add(path, 'This value is not a valid email address.');
  }
  return email;
};

const validateCustomValue: FieldValidator<Scalar> = (problems, path, value = null) => {
  if (typeof value === 'string') return validateShortText(problems, path, value);
  if (isScalar(value)) return value;
  problems.add(path, 'This value should be of type scalar.');
  return null;
};

/** Custom data is written as a list of pairs although it is read as an object. */
const validateCustomData: FieldValidator<Readonly<Record<string, Scalar>>> = (
  problems,
  path,
  value,
) =>
  Object.fromEntries(
    validateList(problems, path, value).map((pair, place): [string, Scalar] => {
      const fields = isFields(pair) ? pair : {};
      const at = `${path}[${place}]`;
      return [
        validateFilledText(problems, `${at}.property`, fields['property']),
        validateCustomValue(problems, `${at}.value`, fields['value']),
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

export function refuseUnregistered(
  problems: ValidationErrors,
  input: CustomerInput,
  at = '',
): void {
  for (const [place, property] of Object.keys(input.customData ?? {}).entries()) {
    if (registeredAttributes.has(property)) continue;
    problems.add(`${at}customData[${place}].property`, 'This value is not valid.');
  }
}

/** The fields of a customer that a body gives; `at` comes before each path of a problem. */
export function validateCustomerInput(
  problems: ValidationErrors,
  fields: Fields,
  at = '',
): CustomerInput {
  const given = <Name extends string, T>(
    names: readonly Name[],
    read: FieldValidator<T>,
  ): Partial<Record<Name, T>> => {
    const found: Partial<Record<Name, T>> = {};
    for (const name of names) {
      if (fields[name] !== undefined) found[name] = read(problems, at + name, fields[name]);
    }
    return found;
  };
  return {
    ...given(textFields, validateNullable(validateText)),
    ...given(timeFields, validateNullable(validateTime)),
    ...given(flagFields, validateFlag),
    ...given(['userId'], emptyAsNull(validateText)),
    ...given(['email'], validateNullable(validateEmail)),
    ...given(['notes'], validateNullable(validateShortText)),
    ...given(['tags'], orEmpty(validateTags, [])),
    ...given(['customData'], orEmpty(validateCustomData, {})),
  };
}

const emptyAsNull =
  (read: FieldValidator<string>): FieldValidator<string | null> =>
  (problems, path, value) =>
    value === null || value === '' ? null : read(problems, path, value);

const orEmpty =
  <T>(read: FieldValidator<T>, empty: T): FieldValidator<T> =>
  (problems, path, value) =>
    value === null ? empty : read(problems, path, value);
