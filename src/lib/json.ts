/** Deeper than any JSON of HelpCrunch, and far below the stack limit of a recursion. */
const defaultMaxDepth = 100;

const quote = 0x22;
const backslash = 0x5c;
const openBrackets = new Set([0x5b, 0x7b]);
const closeBrackets = new Set([0x5d, 0x7d]);

/** Counts brackets outside of strings: cheaper than walking the parsed value, and safe at any depth. */
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

/** The message never contains the text, which may hold secrets. */
export class JsonError extends Error {
  override readonly name = 'JsonError';
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
