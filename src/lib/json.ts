/** Deeper than any JSON that HelpCrunch sends, and far from what a recursion can bear. */
const usualMaxDepth = 100;

const objectsIn = (value: unknown): readonly object[] =>
  typeof value === 'object' && value !== null ? [value] : [];

/** Walks level by level, so that no depth exhausts the stack. */
function isTooDeep(value: unknown, maxDepth: number): boolean {
  let level = objectsIn(value);
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth === maxDepth) return true;
    level = level.flatMap((parent) => Object.values(parent).flatMap(objectsIn));
  }
  return false;
}

/** Says why a text is not JSON that can be used. Never repeats any of the text, which may hold secrets. */
export class JsonError extends Error {
  override readonly name = 'JsonError';
}

/**
 * Parses JSON that another program wrote. Every recursion over the value is safe: it is nested at most so many levels. Throws a `JsonError`.
 */
export function parseJson(text: string, maxDepth = usualMaxDepth): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new JsonError('The text is not JSON.');
  }
  if (isTooDeep(value, maxDepth))
    throw new JsonError(`The JSON is nested more than ${maxDepth} levels.`);
  return value;
}
