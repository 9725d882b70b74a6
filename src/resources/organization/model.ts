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
