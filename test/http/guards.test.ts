import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import type { Span, Tracing } from '../../src/observability/tracing.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import { exchange, head, openConnection } from '../support/rawHttp.ts';

let helpCrunch: RecordingUpstream;

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
});

afterAll(async () => {
  await helpCrunch[Symbol.asyncDispose]();
});

const request = head('GET /healthz HTTP/1.1', 'Host: localhost', 'Connection: close');

function failing(): never {
  throw new Error('It fails.');
}

/** A clock whose functions throw while the corresponding flag is set. */
function createFailingClock() {
  const clock = createManualClock();
  const failures = { now: false, after: false };
  return {
    failures,
    clock: {
      ...clock,
      monotonic: () => (failures.now ? failing() : clock.monotonic()),
      after: (ms: number, task: () => void) => (failures.after ? failing() : clock.after(ms, task)),
    },
  };
}

/** What was logged of failed callbacks. */
const failedCallbacks = ({ logged }: { readonly logged: readonly string[] }) =>
  logged
    .map((line) => JSON.parse(line))
    .filter(({ msg }) => msg !== 'request rejected')
    .map(({ msg, callback, error }) => {
      expect({ msg, message: error.message }).toEqual({
        msg: 'callback failed',
        message: 'It fails.',
      });
      return callback;
    });

describe('exceptions in callbacks', () => {
  test('an exception in a timer is logged once, and the timer is scheduled again', async () => {
    const { clock, failures } = createFailingClock();
    await using gateway = await startTestGateway({ upstream: helpCrunch, clock });
    using connection = await openConnection(gateway.url);
    connection.write(head('GET /healthz HTTP/1.1', 'Host: localhost'));
    await connection.response();

    failures.now = true;
    clock.advance(1_000);
    expect(failedCallbacks(gateway)).toEqual(['timer']);
    await new Promise(setImmediate);
    clock.advance(1_000);
    failures.now = false;

    expect(failedCallbacks(gateway)).toEqual(['timer', 'timer']);
    expect(await exchange(gateway.url, request)).toMatchObject([{ status: 200 }]);
  });

  test('an exception in a connection listener is logged once and does not end the process', async () => {
    const { clock, failures } = createFailingClock();
    await using gateway = await startTestGateway({ upstream: helpCrunch, clock });

    failures.after = true;
    const first = await exchange(gateway.url, request);
    failures.after = false;
    const second = await exchange(gateway.url, request);

    expect(failedCallbacks(gateway)).toEqual(['connection']);
    expect([...first, ...second]).toMatchObject([{ status: 200 }, { status: 200 }]);
  });

  test('an exception while a WebSocket is opened is logged once and closes the WebSocket', async () => {
    const { clock, failures } = createFailingClock();
    await using gateway = await startTestGateway({ upstream: helpCrunch, clock });
    using connection = await openConnection(gateway.url);
    connection.write(head('GET /healthz HTTP/1.1', 'Host: localhost'));
    await connection.response();

    failures.after = true;
    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/graphql`, [
      'graphql-transport-ws',
    ]);
    socket.on('error', () => undefined);
    await once(socket, 'close');
    failures.after = false;

    expect(failedCallbacks(gateway)).toHaveLength(1);
    expect(await exchange(gateway.url, request)).toMatchObject([{ status: 200 }]);
  });

  test('an exception at the end of a response is logged once and does not end the process', async () => {
    const span: Span = {
      traceId: '1',
      headers: () => ({}),
      child: () => span,
      record: () => undefined,
      end: failing,
    };
    const tracing: Tracing = {
      startRequestSpan: () => span,
      lostSpans: () => undefined,
      close: () => Promise.resolve(),
    };
    await using gateway = await startTestGateway({
      upstream: helpCrunch,
      tracing,
    });

    const lines = ['Host: localhost', 'Connection: close'];
    const responses = await exchange(gateway.url, head('GET /nowhere HTTP/1.1', ...lines));

    expect(responses).toMatchObject([{ status: 404 }]);
    expect(failedCallbacks(gateway)).toEqual(['span']);
    expect(await exchange(gateway.url, request)).toMatchObject([{ status: 200 }]);
  });
});
