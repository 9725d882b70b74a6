import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { publicError } from '../graphql/errors.ts';
import { asError } from '../lib/asError.ts';
import type { ReceiveLimiter } from './receiveLimiter.ts';

export interface BodyLimits {
  /** Of one body. */
  readonly maxBytes: number;
  readonly receiveLimiter: ReceiveLimiter;
}

const noBytes = Buffer.alloc(0);

/** Collects chunks of any size without an object for each. */
class GrowingBuffer {
  #bytes: Buffer = noBytes;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (this.#length === 0) {
      this.#bytes = chunk;
    } else {
      if (length > this.#bytes.length) this.#grow(Math.max(length, 2 * this.#bytes.length));
      chunk.copy(this.#bytes, this.#length);
    }
    this.#length = length;
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(size: number): void {
    const grown = Buffer.allocUnsafeSlow(size);
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

const tooLargeError = () =>
  publicError.badRequest('The request body is too large.', { status: 413 });

/** Calls `done` once. Fastify's own reader keeps an object for each chunk, and a chunk may be one byte. */
function readBody(
  stream: IncomingMessage,
  { maxBytes, receiveLimiter }: BodyLimits,
  done: (error: Error | null, body: Buffer) => void,
): void {
  if (Number(stream.headers['content-length']) > maxBytes) {
    done(tooLargeError(), noBytes);
    return;
  }
  const body = new GrowingBuffer();
  const reception = receiveLimiter.receive(stream.socket);
  const finish = (error: Error | null) => {
    stream.off('data', onData).off('end', onEnd).off('error', onError);
    reception.complete();
    done(error, body.bytes());
  };
  const onData = (chunk: Buffer) => {
    if (body.length + chunk.length > maxBytes) {
      finish(tooLargeError());
      return;
    }
    body.append(chunk);
    reception.add(chunk.length);
  };
  const onEnd = () => {
    finish(null);
  };
  const onError = () => {
    finish(publicError.badRequest('The request body did not arrive completely.'));
  };
  stream.on('data', onData).on('end', onEnd).on('error', onError);
}

type ParseDone = (error: Error | null, value?: unknown) => void;

/** A parser for Fastify that gets the complete body. `parse` may throw. */
export const bodyParser =
  (limits: BodyLimits, parse: (request: FastifyRequest, body: Buffer, done: ParseDone) => void) =>
  (request: FastifyRequest, stream: IncomingMessage, done: ParseDone): void => {
    readBody(stream, limits, (error, body) => {
      if (error !== null) {
        done(error);
        return;
      }
      try {
        parse(request, body, done);
      } catch (problem) {
        done(asError(problem));
      }
    });
  };
