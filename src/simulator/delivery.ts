import type { ServerResponse } from 'node:http';

import type { Clock } from '../lib/clock.ts';
import type { Fault } from './faults.ts';

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How a response is sent. */
export type Delivery = 'whole' | Extract<Fault, string>;

const dripMs = 100;

const send = (response: ServerResponse, { status, body, headers }: Answer): void => {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
};

const deliveries: Readonly<
  Record<Delivery, (response: ServerResponse, answer: Answer, clock: Clock) => void>
> = {
  whole: send,
  reset(response) {
    response.socket?.resetAndDestroy();
  },
  lose(response) {
    response.socket?.resetAndDestroy();
  },
  hang() {
    // The connection stays open until the caller or the simulator gives up.
  },
  truncate(response, answer) {
    const bytes = Buffer.from(answer.body);
    response.writeHead(answer.status, {
      'content-type': 'application/json',
      'content-length': bytes.length,
    });
    response.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => {
      response.destroy();
    });
  },
  drip(response, answer, clock) {
    const bytes = Buffer.from(answer.body);
    response.writeHead(answer.status, {
      'content-type': 'application/json',
      'content-length': bytes.length,
    });
    response.flushHeaders();
    let cancel = (): void => undefined;
    const dripFrom = (place: number): void => {
      cancel = clock.after(dripMs, () => {
        response.write(bytes.subarray(place, place + 1));
        if (place + 1 < bytes.length) dripFrom(place + 1);
        else response.end();
      });
    };
    dripFrom(0);
    response.on('close', () => {
      cancel();
    });
  },
  html(response) {
    const body = '<!DOCTYPE html>\n<html><body><h1>Just a moment...</h1></body></html>\n';
    send(response, { status: 200, body, headers: { 'content-type': 'text/html; charset=UTF-8' } });
  },
  empty(response) {
    send(response, { status: 200, body: '' });
  },
};

/** Sends a response, complete or with a fault. */
export function deliver(
  response: ServerResponse,
  { answer, delivery }: { readonly answer: Answer; readonly delivery: Delivery },
  clock: Clock,
): void {
  response.setHeader('date', new Date(clock.now()).toUTCString());
  deliveries[delivery](response, answer, clock);
}
