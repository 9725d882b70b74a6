import type { ExportOptions } from './options.ts';
import { ExportError } from './options.ts';

/** More than are in use at the same time. */
const maxKnownTokens = 10;
const maxTextLength = 500;

/** The token of the requests, which can be renewed meanwhile. */
export class Credentials {
  readonly #token: ExportOptions['token'];
  readonly #sent = new Set<string>();

  constructor(token: ExportOptions['token']) {
    this.#token = token;
  }

  /** The header of the next request. */
  async authorization(): Promise<string | undefined> {
    const given = typeof this.#token === 'function' ? await this.#token() : this.#token;
    const token = given?.trim() ?? '';
    if (!/^[\u0020-\u007e]*$/.test(token))
      throw new ExportError(
        'CREDENTIALS',
        'The token contains a line break or another character that a header cannot contain. Check where it comes from.',
      );
    if (token === '') return undefined;
    this.#remember(token);
    return `Bearer ${token}`;
  }

  /** What the gateway says, as it can be printed: it may repeat the token, and move the cursor of the terminal. */
  printable(text: string): string {
    let printed = text;
    for (const token of this.#sent) printed = printed.replaceAll(token, '[token]');
    return printed.slice(0, maxTextLength).replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ');
  }

  #remember(token: string): void {
    this.#sent.delete(token);
    this.#sent.add(token);
    for (const oldest of this.#sent) {
      if (this.#sent.size <= maxKnownTokens) return;
      this.#sent.delete(oldest);
    }
  }
}
