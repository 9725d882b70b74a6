/** Errors that the client can correct. Closed: `graphql/errors.ts` maps each kind to a public code. */
export type ClientErrorKind = 'badInput' | 'forbidden' | 'conflict';

export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly kind: ClientErrorKind;

  constructor(kind: ClientErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** `problem` says what is wrong with the argument and how to fix it. */
export const badUserInputError = (argument: string, problem: string): ClientError =>
  new ClientError('badInput', `${argument}: ${problem}`);

export const forbiddenError = (problem: string): ClientError =>
  new ClientError('forbidden', problem);

export const conflictError = (problem: string): ClientError => new ClientError('conflict', problem);
