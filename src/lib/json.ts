/** Deeper than any JSON of HelpCrunch, and far below the stack limit of a recursion. */
const defaultMaxDepth = 100;

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

/** Counts brackets outside of strings: cheaper than walking the parsed value, and safe at any depth. */
function isTooDeep(text: string, maxDepth: number): boolean {
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
