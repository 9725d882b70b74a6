import { isUtf8 } from 'node:buffer';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import type { ZlibOptions } from 'node:zlib';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { publicError } from '../graphql/errors.ts';
import { asError } from '../lib/asError.ts';
import type { PublicError } from '../graphql/errors.ts';
import { bodyParser } from './bodyReader.ts';
import type { BodyLimits } from './bodyReader.ts';

type Decompress = (body: Buffer, options: ZlibOptions) => Promise<Buffer>;

const decompressors: ReadonlyMap<string, Decompress> = new Map<string, Decompress>([
  ['gzip', promisify<Buffer, ZlibOptions, Buffer>(gunzip)],
  ['x-gzip', promisify<Buffer, ZlibOptions, Buffer>(gunzip)],
  ['br', promisify<Buffer, ZlibOptions, Buffer>(brotliDecompress)],
  ['deflate', promisify<Buffer, ZlibOptions, Buffer>(inflate)],
]);

/** `accepted`: for the header `Accept-Encoding`. */
const unsupportedCoding = (message: string, accepted: string): PublicError =>
  publicError.badRequest(message, { status: 415, headers: { 'accept-encoding': accepted } });

/** The content coding of a request; undefined for none. */
function contentCodingOf({ headers }: FastifyRequest): string | undefined {
  const coding = (headers['content-encoding'] ?? '').trim().toLowerCase();
  return coding === '' || coding === 'identity' ? undefined : coding;
}

/** For endpoints whose bodies are never compressed. */
export function assertNoContentCoding(request: FastifyRequest): void {
  if (contentCodingOf(request) !== undefined) {
    throw unsupportedCoding('Send the body without Content-Encoding.', 'identity');
  }
}

const isTooLarge = (error: unknown): boolean =>
  typeof error === 'object' &&
  error !== null &&
  'code' in error &&
  error.code === 'ERR_BUFFER_TOO_LARGE';

async function decompress(body: Buffer, coding: string, maxBytes: number): Promise<Buffer> {
  const decoder = decompressors.get(coding);
  if (decoder === undefined) {
    const message = 'Send the request body with one Content-Encoding of gzip, br and deflate.';
    throw unsupportedCoding(message, 'gzip, br, deflate');
  }
  try {
    return await decoder(body, { maxOutputLength: maxBytes });
  } catch (error) {
    throw isTooLarge(error)
      ? publicError.badRequest('The decompressed request body is too large.', { status: 413 })
      : publicError.badRequest(`The request body is not valid ${coding}.`);
  }
}

const charsetParameter = /;\s*charset\s*=\s*("?)([^";\s]*)\1/i;

/** JSON has no other encoding (RFC 8259, section 8.1). */
function assertUtf8Charset({ headers }: FastifyRequest): void {
  const [, , charset = 'utf-8'] = charsetParameter.exec(headers['content-type'] ?? '') ?? [];
  if (/^utf-?8$/i.test(charset)) return;
  throw publicError.badRequest('Send the request body in UTF-8.', { status: 415 });
}

function decodeText(body: Buffer): string {
  if (isUtf8(body)) return body.toString();
  throw publicError.badRequest('The request body is not valid UTF-8.');
}

/** Accepts JSON in UTF-8 only. Apollo Server rejects plain text with the reason. `maxBytes` limits bodies as sent and after decompression. */
export function addJsonBodies(server: FastifyInstance, limits: BodyLimits): void {
  const parseJson = server.getDefaultJsonParser('error', 'error');
  server.removeAllContentTypeParsers();
  const parsePlainText = bodyParser(limits, (_request, body, done) => {
    done(null, body.toString());
  });
  server.addContentTypeParser('text/plain', parsePlainText);
  const parseBody = bodyParser(limits, (request, body, done) => {
    assertUtf8Charset(request);
    const coding = contentCodingOf(request);
    if (coding === undefined) {
      void parseJson(request, decodeText(body), done);
      return;
    }
    decompress(body, coding, limits.maxBytes)
      .then(decodeText)
      .then(
        (text) => void parseJson(request, text, done),
        (error: unknown) => done(asError(error)),
      );
  });
  server.addContentTypeParser('application/json', parseBody);
}
