/** Deeper than any JSON of HelpCrunch and its clients, and far below the stack limit of a recursion. */
export const defaultMaxDepth = 100;

const quote = 0x22;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** The index of the quote that ends the string whose first character is at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - escapes - 1) === backslash) escapes += 1;
    if (escapes % 2 === 0) return end;
  }
  return text.length;
}

/** Whether a text has more than `max` opening brackets, those in strings included. */
function hasMoreBrackets(text: string, max: number): boolean {
  let count = 0;
  for (const bracket of ['{', '[']) {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) {
      count += 1;
      if (count > max) return true;
    }
  }
  return false;
}

/** Counts brackets outside of strings: cheaper than walking the parsed value, and safe at any depth. */
function isTooDeep(text: string, maxDepth: number): boolean {
  // Most texts have too few brackets to be examined further.
  if (!hasMoreBrackets(text, maxDepth)) return false;
  let depth = 0;
  for (let index = 0; index < text.length; index += 1) {
    switch (text.charCodeAt(index)) {
      case quote:
        index = endOfString(text, index + 1);
        break;
      case openBracket:
      case openBrace:
        depth += 1;
        if (depth > maxDepth) return true;
        break;
      case closeBracket:
      case closeBrace:
        depth -= 1;
    }
  }
  return false;
}

const isObjectLike = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** The objects and lists of parsed JSON, one level of nesting after the other. Safe at any depth, as it does not recurse. */
export function* levelsOf(value: unknown): Generator<readonly Record<string, unknown>[]> {
  let level = [value].filter(isObjectLike);
  while (level.length > 0) {
    yield level;
    const inner: Record<string, unknown>[] = [];
    for (const parent of level) {
      for (const item of Object.values(parent)) if (isObjectLike(item)) inner.push(item);
    }
    level = inner;
  }
}

/** Whether objects and lists of parsed JSON are nested in more than `maxDepth` levels. */
export function isDeeperThan(value: unknown, maxDepth: number): boolean {
  const levels = levelsOf(value);
  for (let depth = 0; depth <= maxDepth; depth += 1) if (levels.next().done === true) return false;
  return true;
}

/** The message never contains the text, which may hold secrets. */
export class JsonError extends Error {
  override readonly name = 'JsonError';
}

const structure = /"(?:[^"\\]|\\.)*"|[{}[\]:]/g;

/** The paths of properties that an object of valid JSON has more than once. Parsing keeps the last one. */
export function repeatedProperties(json: string): readonly string[] {
  const open: { readonly names: Set<string>; name: string }[] = [];
  const repeated = new Set<string>();
  let text = '';
  for (const [token] of json.matchAll(structure)) {
    const object = open.at(-1);
    if (token === '{' || token === '[') {
      open.push({ names: new Set(), name: '' });
    } else if (token === '}' || token === ']') {
      open.pop();
    } else if (token !== ':') {
      text = token;
    } else if (object !== undefined) {
      object.name = String(JSON.parse(text));
      if (object.names.has(object.name)) repeated.add(open.map(({ name }) => name).join('.'));
      object.names.add(object.name);
    }
  }
  return [...repeated];
}

/** Parses untrusted JSON. Limits the nesting, so that recursion over the value is safe. Throws a `JsonError`. */
export function parseJson(text: string, maxDepth = defaultMaxDepth): unknown {
  if (isTooDeep(text, maxDepth))
    throw new JsonError(`The JSON is nested more than ${maxDepth} levels deep.`);
  try {
    return JSON.parse(text);
  } catch {
    throw new JsonError('The text is not JSON.');
  }
}
