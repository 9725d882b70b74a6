import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { publicError } from '../graphql/errors.ts';
import type { PublicError } from '../graphql/errors.ts';
import type { OperationOutcome } from '../graphql/subscriptions/run.ts';
import type { Clock } from '../lib/clock.ts';
import { Disposer } from '../lib/disposer.ts';
import { guarded, runGuarded } from '../observability/guarded.ts';
import type { Log } from '../observability/log.ts';
import { onMaxAge } from './connectionAge.ts';
import type { CredentialsEnd } from './endOfCredentials.ts';
import { onCredentialsEnd } from './endOfCredentials.ts';
import { connectionTooOldError } from './errorResponse.ts';
import type { StreamFormat } from './streamFormats.ts';

/** Shorter than the idle timeout of common load balancers. */
const heartbeatMs = 15_000;

interface ResultStreamOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly format: StreamFormat;
  readonly requestId: string;
  /** Of a subscription; 0 is unlimited. */
  readonly maxConnectionAgeMs: number;
}

/** A response that carries the results of one operation. Everything it holds is released when its connection closes. */
export class ResultStream {
  /** The response body. */
  readonly body = new PassThrough();
  readonly #options: ResultStreamOptions;
  readonly #controller = new AbortController();
  readonly #held = new Disposer();
  #cancelHeartbeat: () => void = () => undefined;

  constructor(options: ResultStreamOptions) {
    this.#options = options;
    this.onEnd(() => this.#controller.abort());
    this.onEnd(() => this.#cancelHeartbeat());
    this.body.on('error', () => undefined);
  }

  /** Aborted when the connection closes. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  onEnd(release: () => void): void {
    this.#held.add(release);
  }

  followConnection(response: ServerResponse): void {
    const release = guarded({ log: this.#options.log, name: 'result stream close' }, () =>
      this.#held.dispose(),
    );
    response.once('close', release);
    this.body.once('close', release);
    // A client that disconnected during authentication emits no further `close`.
    if (response.destroyed) release();
  }

  /** Ends the response early, so that the client reconnects. */
  interrupt(error: PublicError): void {
    const { format, requestId } = this.#options;
    if (!this.body.writableEnded) this.body.end(format.interruption(error.format(requestId)));
  }

  start(outcome: OperationOutcome, credentials: CredentialsEnd): void {
    const { log, clock, format, maxConnectionAgeMs } = this.#options;
    if (outcome.kind === 'stream') {
      const { results } = outcome;
      const guard = { log, name: 'result stream end' };
      this.onEnd(() => runGuarded(guard, () => results.return?.()));
      const retire = () => this.interrupt(connectionTooOldError());
      this.onEnd(onMaxAge(maxConnectionAgeMs, retire, clock));
    }
    const end = (reason: string) => this.interrupt(publicError.unauthenticated(`${reason}.`));
    this.onEnd(onCredentialsEnd(credentials, end, clock));
    if (!this.body.writableEnded) this.body.write(format.start);
    this.#scheduleHeartbeat();
    const fail = () => this.interrupt(publicError.internal('The subscription failed.'));
    runGuarded({ log, name: 'result stream', close: fail }, async () => {
      await this.#sendResults(outcome);
      if (!this.body.writableEnded) this.body.end(format.completion);
    });
  }

  #scheduleHeartbeat(): void {
    if (this.body.writableEnded || this.#held.isDisposed) return;
    const { clock, format } = this.#options;
    this.#cancelHeartbeat = clock.after(heartbeatMs, () => {
      const isIdle = this.body.writableLength === 0 && !this.body.writableEnded;
      if (isIdle) this.body.write(format.heartbeat);
      this.#scheduleHeartbeat();
    });
  }

  async #sendResults(outcome: OperationOutcome): Promise<void> {
    const { format } = this.#options;
    if (outcome.kind === 'once') {
      await this.#send(format.result(outcome.result));
      return;
    }
    for await (const result of outcome.results) {
      if (this.body.writableEnded || this.body.destroyed) return;
      await this.#send(format.result(result));
    }
  }

  async #send(text: string): Promise<void> {
    if (this.body.writableEnded || this.body.write(text)) return;
    // A slow connection is destroyed after SEND_TIMEOUT_MS, which aborts the signal.
    await once(this.body, 'drain', { signal: this.signal }).catch(() => undefined);
  }
}
