import { badUserInputError } from './clientError.ts';

const maxTextBytes = 65_536;

/** Rejects a text that is too large to be sent. */
export function assertTextSize(argument: string, text: string): void {
  if (Buffer.byteLength(text) > maxTextBytes)
    throw badUserInputError(argument, `must have at most ${maxTextBytes} bytes in UTF-8.`);
}

/** Rejects a text that is blank or too large to be sent. */
export function requireText(argument: string, text: string): void {
  if (!/\S/.test(text)) throw badUserInputError(argument, 'must not be blank.');
  assertTextSize(argument, text);
}
