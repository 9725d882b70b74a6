import { badRequest, type ErrorEntry } from './refusal.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** Collects all errors of a body, so that one response can report them. */
export interface ValidationErrors {
  add(path: string, message: string): void;
  /** Refuses when anything was added; only after it are the values that were read worth using. */
  check(): void;
}

/** Reads the value found at a path, or reports it and returns a stand-in. */
export type FieldValidator<T> = (problems: ValidationErrors, path: string, value: unknown) => T;

const maxShortLength = 255;
const blank = 'This value should not be blank.';
const typeMessage = (type: string): string => `This value should be of type ${type}.`;
const invalidChoice = 'The value you selected is not a valid choice.';

export function createProblems(): ValidationErrors {
  const entries: ErrorEntry[] = [];
  return {
    add(path, message) {
      entries.push({ code: path, message });
    },
    check() {
      if (entries.length > 0) throw badRequest(entries);
    },
  };
}

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A body that must be a JSON object; no body counts as an empty one. */
export function fieldsOf(body: unknown): Fields {
  if (body === undefined) return {};
  if (!isFields(body)) throw badRequest([{ code: 'body', message: typeMessage('object') }]);
  return body;
}

const isMissing = (value: unknown): boolean =>
  value === undefined || value === null || value === '';

const isTimestamp = (value: unknown): boolean =>
  (typeof value === 'number' || typeof value === 'string') &&
  /^\d{1,12}([.]\d{1,6})?$/.test(String(value));

// Compares as false with everything, so a later check of its size adds no second problem.
const notRead = Number.NaN;

/** An integer or a numeric string: HelpCrunch accepts both. */
export const validateInteger: FieldValidator<number> = (problems, path, value) => {
  if (isMissing(value)) problems.add(path, blank);
  else if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  else if (typeof value === 'string' && /^-?\d{1,15}$/.test(value)) return Number(value);
  else problems.add(path, typeMessage('numeric'));
  return notRead;
};

/** UNIX seconds as a number or a decimal string. */
export const validateSeconds: FieldValidator<number> = (problems, path, value) => {
  if (isMissing(value)) problems.add(path, blank);
  else if (isTimestamp(value)) return Number(value);
  else problems.add(path, typeMessage('numeric'));
  return notRead;
};

/** UNIX seconds on the wire, milliseconds here. */
export const validateTime: FieldValidator<number> = (problems, path, value) =>
  Math.round(validateSeconds(problems, path, value) * 1000);

/** Text that may be empty. A number is taken as its digits. */
export const validateText: FieldValidator<string> = (problems, path, value) => {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  problems.add(path, value === undefined || value === null ? blank : typeMessage('string'));
  return '';
};

/** Text with something in it. */
export const validateFilledText: FieldValidator<string> = (problems, path, value) => {
  const text = validateText(problems, path, value);
  if (typeof value === 'string' && text.trim() === '') problems.add(path, blank);
  return text;
};

export const validateFlag: FieldValidator<boolean> = (problems, path, value) => {
  if (typeof value === 'boolean') return value;
  problems.add(path, isMissing(value) ? blank : typeMessage('bool'));
  return false;
};

export const validateList: FieldValidator<readonly unknown[]> = (problems, path, value) => {
  if (Array.isArray(value)) return value;
  problems.add(path, isMissing(value) ? blank : typeMessage('array'));
  return [];
};

/** The length counts characters, not UTF-16 code units. */
export const validateShortText: FieldValidator<string> = (problems, path, value) => {
  const text = validateText(problems, path, value);
  if (Array.from(text).length > maxShortLength) {
    problems.add(
      path,
      `This value is too long. It should have ${maxShortLength} characters or less.`,
    );
  }
  return text;
};

/** Null and "not given" are the same here. */
export const validateOptional =
  <T>(read: FieldValidator<T>): FieldValidator<T | null> =>
  (problems, path, value) =>
    value === undefined || value === null ? null : read(problems, path, value);

/** Null is a value, "not given" is not. */
export const validateNullable =
  <T>(read: FieldValidator<T>): FieldValidator<T | null> =>
  (problems, path, value) =>
    value === null ? null : read(problems, path, value);

/** One of the choices, looked up by the value as it was sent. */
export const validateChoice =
  <T>(choices: ReadonlyMap<string, T>, standIn: T): FieldValidator<T> =>
  (problems, path, value) => {
    const choice = typeof value === 'string' ? choices.get(value) : undefined;
    if (choice !== undefined) return choice;
    if (isMissing(value)) problems.add(path, blank);
    else problems.add(path, typeof value === 'string' ? invalidChoice : typeMessage('string'));
    return standIn;
  };

export const choicesOf = <T extends string>(values: readonly T[]): ReadonlyMap<string, T> =>
  new Map(values.map((value) => [value, value]));
