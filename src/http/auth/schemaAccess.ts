import { getOperationAST, Kind, OperationTypeNode, parse } from 'graphql';
import type { DocumentNode } from 'graphql';
import type { AccountCredentials, Authenticate, Authenticated } from './credentials.ts';
import { AuthenticationError } from './credentials.ts';

/** Enough to read the schema and to check health. */
const maxTokens = 100;

const schemaFields: ReadonlySet<string> = new Set(['_service', '__typename']);

function parseShort(text: string): DocumentNode | undefined {
  try {
    return parse(text, { maxTokens, noLocation: true });
  } catch {
    return undefined;
  }
}

function selectsOnlySchema(text: string, operationName: string | undefined): boolean {
  const document = parseShort(text);
  const operation = document && getOperationAST(document, operationName);
  return (
    operation?.operation === OperationTypeNode.QUERY &&
    operation.selectionSet.selections.every(
      (selection) => selection.kind === Kind.FIELD && schemaFields.has(selection.name.value),
    )
  );
}

/**
 * The router may read the schema and check health without the credentials of a viewer, because tools that do so send fixed headers.
 * `assertAllowed` rejects its other operations.
 */
export const permitSchemaAccessToRouter =
  (authenticate: Authenticate, account: AccountCredentials): Authenticate =>
  (authorization, isRouter) =>
    isRouter && (authorization ?? '').trim() === ''
      ? Promise.resolve({ viewer: { role: 'ALL' }, ...account, isSchemaOnly: true })
      : authenticate(authorization, isRouter);

interface NamedOperation {
  /** Undefined if it is unknown. */
  readonly text: string | undefined;
  readonly operationName?: unknown;
}

/** Fails if the client has no credentials and the operation needs some. */
export function assertAllowed(
  { isSchemaOnly = false }: Pick<Authenticated, 'isSchemaOnly'>,
  operation: () => NamedOperation,
): void {
  if (!isSchemaOnly) return;
  const { text = '', operationName } = operation();
  if (selectsOnlySchema(text, typeof operationName === 'string' ? operationName : undefined)) {
    return;
  }
  throw new AuthenticationError(
    'Send the header "Authorization: Bearer <token>" of the viewer. The router secret alone permits only _service and __typename.',
    { reason: 'missing', challenge: 'Bearer realm="helpcrunch"' },
  );
}
