import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExportOptions } from '../../src/index.ts';
import { ExportError, exportData } from '../../src/index.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Idleness } from './idleness.ts';
import type { ManualClock } from './manualClock.ts';

/** The error of an export that must fail. */
export const exportFailure = (options: ExportOptions): Promise<ExportError> =>
  exportData(options).then(
    () => {
      throw new Error('The export succeeded.');
    },
    (error: unknown) => {
      if (error instanceof ExportError) return error;
      throw error;
    },
  );

interface PassingTime {
  readonly idleness: Pick<Idleness, 'reached'>;
  readonly clock: ManualClock;
  /** By how much the clock advances whenever the export waits. */
  readonly stepMs: number;
}

/** The summary or the error of an export whose time passes whenever it waits. */
export async function exportWithTime(
  options: Omit<ExportOptions, 'clock'>,
  { idleness, clock, stepMs }: PassingTime,
): Promise<unknown> {
  let outcome: unknown;
  const set = (result: unknown) => {
    outcome = result;
  };
  const ended = exportData({ ...options, clock }).then(set, set);
  while (outcome === undefined) {
    await idleness.reached();
    clock.advance(stepMs);
  }
  await ended;
  return outcome;
}

/** Backoff takes no time; the time limit of a request stays. */
export const hastyClock = {
  ...systemClock,
  after: (ms: number, run: () => void) => systemClock.after(ms < 60_000 ? 0 : ms, run),
};

export const respond =
  (status: number, body: unknown) =>
  (response: ServerResponse): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };

/** Passes requests on and shows them. What `onRequest` returns answers a request instead of the gateway. */
export async function startOperationProxy(
  url: string,
  onRequest: (request: {
    readonly priority: unknown;
    readonly body: any;
    readonly authorization: unknown;
    readonly bypassesCache: boolean;
  }) => unknown,
) {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const { priority, authorization } = request.headers;
      const instead = onRequest({
        ...{ priority, authorization, body: JSON.parse(body) },
        bypassesCache: request.headers['cache-control'] === 'no-cache',
      });
      if (typeof instead === 'function') {
        instead(response);
        return;
      }
      const headers = {
        'content-type': 'application/json',
        ...(authorization && { authorization }),
      };
      void fetch(`${url}/graphql`, { method: 'POST', headers, body })
        .then((passed) => passed.text())
        .then((text) => response.writeHead(200, { 'content-type': 'application/json' }).end(text));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A gateway that fails with these errors instead of the messages of the chats. */
export const startFailingProxy = (
  url: string,
  codeOf: (id: string) => string | undefined,
  isDeleted = false,
) =>
  startOperationProxy(url, ({ body, authorization }) => {
    if (isDeleted && body.query.includes('ExportChatsById'))
      return respond(200, { data: { nodes: [null] } });
    if (!body.query.includes('ExportMessages')) return undefined;
    return async (response: ServerResponse) => {
      const passed = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(typeof authorization === 'string' && { authorization }),
        },
        body: JSON.stringify(body),
      });
      const result: any = await passed.json();
      const errors = body.variables.ids.flatMap((id: string, index: number) => {
        const code = codeOf(id);
        if (code === undefined) return [];
        result.data.nodes[index] = null;
        return [{ message: 'No.', path: ['nodes', index, 'messages'], extensions: { code } }];
      });
      respond(200, { ...result, ...(errors.length > 0 && { errors }) })(response);
    };
  });
