import type { Upstream } from '../../upstream/client.ts';
import { createCollectionSource } from '../../upstream/collectionSource.ts';
import { decodeList, decodeObject } from '../../upstream/decode.ts';
import { rethrowNotFoundAsMalformed } from '../../upstream/errors.ts';
import { applicationListType } from './descriptor.ts';
import { applicationCodec } from './model.ts';

export type ApplicationSource = ReturnType<typeof createApplicationSource>;

/** The endpoint of applications has no paging. */
export const createApplicationSource = (upstream: Upstream) =>
  createCollectionSource(upstream, applicationListType, async (send) => {
    const call = { effect: 'read', method: 'GET', path: '/applications' } as const;
    const body = await send(call).catch(rethrowNotFoundAsMalformed);
    const wires = decodeList(decodeObject(body, 'applications')['data'], 'applications.data');
    return { rows: wires.map(applicationCodec.fromWire), total: wires.length };
  });
