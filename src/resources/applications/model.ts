import type { EntityOf } from '../../upstream/codec.ts';
import { entityCodec, flag, id, text } from '../../upstream/codec.ts';

export const applicationCodec = entityCodec('ChatApplication', {
  id,
  name: text,
  displayName: text,
  type: text,
  active: flag,
});

export type Application = EntityOf<typeof applicationCodec>;
