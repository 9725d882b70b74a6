import type { EntityOf } from '../../upstream/codec.ts';
import { entityCodec, flag, id, text } from '../../upstream/codec.ts';

export const organizationCodec = entityCodec('HelpdeskOrganization', {
  id,
  domain: text,
  teamOnline: flag,
  chatEnabled: flag,
});

export type Organization = EntityOf<typeof organizationCodec>;
