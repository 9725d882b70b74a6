import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ReusableResponse } from '../graphql/operations/responseCache.ts';
import { asError } from '../lib/asError.ts';
import { negotiateCoding } from './contentNegotiation.ts';
import type { ContentCoding } from './contentNegotiation.ts';

/** Below this size the headers of compression outweigh what it saves. */
const minBytes = 1_024;

const gzipAsync = promisify(gzip);
const brotliAsync = promisify(brotliCompress);

/** For a page of 100 chats, quality 4 takes twice as long and saves 2 % of the bytes, quality 5 three times as long and saves 6 %. */
const brotliQuality = 3;

/** A window larger than the body costs memory only. */
const brotliWindowFor = (bytes: number): number =>
  Math.min(
    constants.BROTLI_DEFAULT_WINDOW,
    Math.max(constants.BROTLI_MIN_WINDOW_BITS, Math.ceil(Math.log2(bytes + 1))),
  );

/** In the thread pool, so that large bodies do not block the event loop. */
const compressors: Readonly<Record<ContentCoding, (body: Buffer) => Promise<Buffer>>> = {
  gzip: (body) => gzipAsync(body),
  br: (body) =>
    brotliAsync(body, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: brotliQuality,
        [constants.BROTLI_PARAM_SIZE_HINT]: body.length,
        [constants.BROTLI_PARAM_LGWIN]: brotliWindowFor(body.length),
      },
    }),
};

export function addVary(reply: FastifyReply, ...names: readonly string[]): void {
  const present = reply.getHeader('vary');
  if (present === undefined) {
    void reply.header('vary', names.join(', '));
    return;
  }
  const current = String(present);
  const listed = current.toLowerCase().split(/, */);
  const added = names.filter((name) => !listed.includes(name.toLowerCase()));
  void reply.header('vary', [current, ...added].filter((text) => text !== '').join(', '));
}

/** The coding for a body of this size; undefined for none. The response then varies by `Accept-Encoding`. */
function codingFor(reply: FastifyReply, bytes: number): ContentCoding | undefined {
  const { preferred, acceptsIdentity } = negotiateCoding(
    reply.request.headers['accept-encoding'] ?? '',
  );
  if (bytes < minBytes && acceptsIdentity) return undefined;
  addVary(reply, 'Accept-Encoding');
  return preferred;
}

/** The body to send for a response that is the same for every request: compressed once for each coding. */
export function encodeReusable(
  reply: FastifyReply,
  text: string,
  reusable: ReusableResponse,
): string | Promise<Buffer> {
  const coding = codingFor(reply, text.length);
  if (coding === undefined) return text;
  void reply.header('content-encoding', coding);
  return reusable.encoded(coding, () => compressors[coding](Buffer.from(text)));
}

const compressibleType = /^(text\/(?!event-stream)|application\/([\w.-]+\+)?json|image\/svg\+xml)/i;

/** Compresses every response of text that is not a stream. */
export function addCompression(server: FastifyInstance): void {
  server.addHook('onSend', (...[, reply, payload, done]) => {
    const isBody = typeof payload === 'string' || Buffer.isBuffer(payload);
    const type = String(reply.getHeader('content-type') ?? '');
    if (!isBody || reply.hasHeader('content-encoding') || !compressibleType.test(type)) {
      done();
      return;
    }
    const coding = codingFor(reply, Buffer.byteLength(payload));
    if (coding === undefined) {
      done();
      return;
    }
    compressors[coding](Buffer.isBuffer(payload) ? payload : Buffer.from(payload)).then(
      (compressed) => {
        void reply.header('content-encoding', coding).removeHeader('content-length');
        done(null, compressed);
      },
      (error: unknown) => done(asError(error)),
    );
  });
}
