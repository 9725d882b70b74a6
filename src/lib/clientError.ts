/** What a client asked wrongly. Closed: `graphql/errors.ts` has a row for each kind. */
export type ClientErrorKind = 'badInput' | 'forbidden';

export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly kind: ClientErrorKind;

  constructor(kind: ClientErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Names the argument at fault and says how to put it right. */
export const badUserInputError = (argument: string, advice: string): ClientError =>
  new ClientError('badInput', `${argument}: ${advice}`);

/** The viewer may not, whatever there is. */
export const forbiddenError = (advice: string): ClientError => new ClientError('forbidden', advice);
