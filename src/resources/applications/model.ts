import { isFlag, isIdText, isText, objectOf, oneOf, orNull } from '../../support/shape.ts';
import { flag, id, record, text } from '../../upstream/decode.ts';

export interface Application {
  readonly __typename: 'Application';
  readonly id: string;
  readonly name: string | null;
  readonly displayName: string | null;
  readonly type: string | null;
  readonly active: boolean | null;
}

export function applicationFromWire(value: unknown): Application {
  const wire = record(value, 'application');
  return {
    __typename: 'Application',
    id: id(wire['id'], 'application.id'),
    name: text(wire['name'], 'application.name'),
    displayName: text(wire['displayName'], 'application.displayName'),
    type: text(wire['type'], 'application.type'),
    active: flag(wire['active'], 'application.active'),
  };
}

export const isApplication = objectOf<Application>({
  __typename: oneOf('Application'),
  id: isIdText,
  name: orNull(isText),
  displayName: orNull(isText),
  type: orNull(isText),
  active: orNull(isFlag),
});
