import type { ValueNode } from 'graphql';
import { getOperationAST, Kind } from 'graphql';
import { isEventId } from '../../events/eventIds.ts';
import type { PublicError } from '../errors.ts';
import { publicError } from '../errors.ts';
import type { ValidatedSubscription } from '../plugins/subscriptionHandoff.ts';
import { RootArguments } from './rootArguments.ts';

const argumentName = 'after';

/** A subscription whose subscribers share its events, and the event after which one of them continues. */
interface Resumption {
  readonly subscription: ValidatedSubscription;
  readonly after: string | undefined;
}

/** The value as the client gives it. */
function valueOf(
  value: ValueNode,
  { document, operationName, variables }: ValidatedSubscription,
): unknown {
  if (value.kind !== Kind.VARIABLE) return literalOf(value);
  const name = value.name.value;
  const given = variables[name];
  if (given !== undefined) return given;
  const { variableDefinitions = [] } = getOperationAST(document, operationName) ?? {};
  const definition = variableDefinitions.find(({ variable }) => variable.name.value === name);
  return definition?.defaultValue && literalOf(definition.defaultValue);
}

const literalOf = (value: ValueNode): unknown =>
  value.kind === Kind.NULL ? null : 'value' in value ? value.value : undefined;

/** Subscribers that continue after different events have the same document and variables. */
export class Resumptions {
  readonly #positions = new RootArguments((_field, argument) => argument === argumentName);

  /** `lastEventId` is a header. Clients that send it have received it after they subscribed with the argument. */
  of(subscription: ValidatedSubscription, lastEventId = ''): Resumption | PublicError {
    const { operationName, variables } = subscription;
    const reduced = this.#positions.removeFrom(subscription);
    const value = reduced.removed.get(argumentName);
    const argument = value && valueOf(value, subscription);
    const [name, after] =
      lastEventId === '' ? [argumentName, argument ?? undefined] : ['Last-Event-ID', lastEventId];
    const id = typeof after === 'string' ? after.toLowerCase() : after;
    if (id !== undefined && !isEventId(id)) {
      return publicError.badUserInput(
        `${name}: must be the \`extensions.eventId\` of an event of this gateway.`,
      );
    }
    if (value === undefined) return { subscription, after: id };
    const { document, source } = reduced;
    const shared = { document, source, operationName, variables: reduced.variables(variables) };
    return { subscription: shared, after: id };
  }
}
