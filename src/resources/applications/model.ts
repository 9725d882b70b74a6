import { isFlag, isIdText, isText, objectOf, oneOf, orNull } from '../../lib/shape.ts';
import { decodeBoolean, decodeId, decodeObject, decodeText } from '../../upstream/decode.ts';

export interface Application {
  readonly __typename: 'ChatApplication';
  readonly id: string;
  readonly name: string | null;
  readonly displayName: string | null;
  readonly type: string | null;
  readonly active: boolean | null;
}

export function applicationFromWire(value: unknown): Application {
  const wire = decodeObject(value, 'application');
  return {
    __typename: 'ChatApplication',
    id: decodeId(wire['id'], 'application.id'),
    name: decodeText(wire['name'], 'application.name'),
    displayName: decodeText(wire['displayName'], 'application.displayName'),
    type: decodeText(wire['type'], 'application.type'),
    active: decodeBoolean(wire['active'], 'application.active'),
  };
}

export const isApplication = objectOf<Application>({
  __typename: oneOf('ChatApplication'),
  id: isIdText,
  name: orNull(isText),
  displayName: orNull(isText),
  type: orNull(isText),
  active: orNull(isFlag),
});
