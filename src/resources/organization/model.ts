import { isFlag, isIdText, isText, objectOf, oneOf, orNull } from '../../support/shape.ts';
import { flag, id, record, text } from '../../upstream/decode.ts';

export interface Organization {
  readonly __typename: 'Organization';
  readonly id: string;
  readonly domain: string | null;
  readonly teamOnline: boolean | null;
  readonly chatEnabled: boolean | null;
}

export function organizationFromWire(value: unknown): Organization {
  const wire = record(value, 'organization');
  return {
    __typename: 'Organization',
    id: id(wire['id'], 'organization.id'),
    domain: text(wire['domain'], 'organization.domain'),
    teamOnline: flag(wire['teamOnline'], 'organization.teamOnline'),
    chatEnabled: flag(wire['chatEnabled'], 'organization.chatEnabled'),
  };
}

export const isOrganization = objectOf<Organization>({
  __typename: oneOf('Organization'),
  id: isIdText,
  domain: orNull(isText),
  teamOnline: orNull(isFlag),
  chatEnabled: orNull(isFlag),
});
