import type { News } from '../events/feed.ts';
import type { Context, Viewer } from './context.ts';

/** Whether the viewer may hear of the news; true as well where only a look at the chat can tell. */
export const mayHear = ({ role }: Viewer, { kind }: News): boolean =>
  role !== 'CUSTOMER' || kind === 'customer';

/** As `mayHear`, with that look where it is needed. */
export const isMeantFor = ({ viewer }: Context): Promise<boolean> =>
  Promise.resolve(viewer.role !== 'CUSTOMER');
