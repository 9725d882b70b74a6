/** Deeper than any JSON that HelpCrunch sends, and far from what a recursion can bear. */
const defaultMaxDepth = 100;

const quote = 0x22;
const backslash = 0x5c;
const openBrackets = new Set([0x5b, 0x7b]);
const closeBrackets = new Set([0x5d, 0x7d]);

/** Counts brackets outside of strings. Reading the text is cheaper than walking its value, and safe at any depth. */
function isTooDeep(text: string, maxDepth: number): boolean {
  let depth = 0;
  let isInString = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (isInString) {
      if (code === backslash) index += 1;
      else if (code === quote) isInString = false;
    } else if (code === quote) {
      isInString = true;
    } else if (openBrackets.has(code)) {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (closeBrackets.has(code)) {
      depth -= 1;
    }
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
export function parseJson(text: string, maxDepth = defaultMaxDepth): unknown {
  if (isTooDeep(text, maxDepth))
    throw new JsonError(`The JSON is nested more than ${maxDepth} levels.`);
  try {
    return JSON.parse(text);
  } catch {
    throw new JsonError('The text is not JSON.');
  }
}
