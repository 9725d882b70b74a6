import { getNamedType, isNonNullType, isObjectType, isCompositeType } from 'graphql';
import { openSocket } from '../support/socket.ts';
import type { Fault } from './oracle.ts';
import { faultsOfResult } from './oracle.ts';
import type { Session } from './session.ts';

/** Subscribes to everything, so that what is announced is also executed and delivered. */
export async function subscribeToAll(session: Session) {
  const { target, facts, secrets } = session;
  const faults: Fault[] = [];
  const connection = await openSocket(target.url).catch(() => undefined);
  if (connection === undefined) return { faults, close: () => undefined };
  const { socket, send } = connection;
  socket.on('error', () => undefined);
  socket.on('message', (data: Buffer) => {
    const text = data.toString();
    faults.push(...secrets.faultsOf(text, 'a message'));
    const message = JSON.parse(text);
    if (message.type === 'next') faults.push(...faultsOfResult(message.payload));
  });
  send({ type: 'connection_init', payload: await session.authorization({ role: 'agent' }) });
  const fields = Object.values(facts.schema.getSubscriptionType()?.getFields() ?? {});
  for (const [index, { name, args, type }] of fields.entries()) {
    const id = JSON.stringify(facts.ids[name]?.[0] ?? '1');
    const given = args.filter((argument) => isNonNullType(argument.type));
    const inner = getNamedType(type);
    const leaves = isObjectType(inner)
      ? Object.values(inner.getFields()).map((field) =>
          isCompositeType(getNamedType(field.type)) ? `${field.name} { __typename }` : field.name,
        )
      : [];
    const text =
      given.length === 0
        ? ''
        : `(${given.map((argument) => `${argument.name}: ${id}`).join(', ')})`;
    const query = `subscription { ${name}${text} { ${leaves.join(' ')} } }`;
    send({ type: 'subscribe', id: String(index), payload: { query } });
  }
  // Pings are answered in order: the subscriptions have been received then.
  await Promise.race([connection.nextMessage(), connection.closed]);
  return { faults, close: () => socket.terminate() };
}
