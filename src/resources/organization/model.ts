import { isFlag, isIdText, isText, objectOf, oneOf, orNull } from '../../lib/shape.ts';
import { decodeBoolean, decodeId, decodeObject, decodeText } from '../../upstream/decode.ts';

export interface Organization {
  readonly __typename: 'HelpdeskOrganization';
  readonly id: string;
  readonly domain: string | null;
  readonly teamOnline: boolean | null;
  readonly chatEnabled: boolean | null;
}

export function organizationFromWire(value: unknown): Organization {
  const wire = decodeObject(value, 'organization');
  return {
    __typename: 'HelpdeskOrganization',
    id: decodeId(wire['id'], 'organization.id'),
    domain: decodeText(wire['domain'], 'organization.domain'),
    teamOnline: decodeBoolean(wire['teamOnline'], 'organization.teamOnline'),
    chatEnabled: decodeBoolean(wire['chatEnabled'], 'organization.chatEnabled'),
  };
}

export const isOrganization = objectOf<Organization>({
  __typename: oneOf('HelpdeskOrganization'),
  id: isIdText,
  domain: orNull(isText),
  teamOnline: orNull(isFlag),
  chatEnabled: orNull(isFlag),
});
