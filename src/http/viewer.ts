import type { Viewer } from '../graphql/context.ts';

/** Who is asking. Without authentication everybody may see everything. */
export const viewerOf = (): Viewer => ({ role: 'ALL' });
