import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Files of an authority, and of a server at 127.0.0.1 and a client that it certifies. */
export async function createCertificates() {
  const directory = await mkdtemp(join(tmpdir(), 'helpcrunch-certificates-'));
  const path = (name: string) => join(directory, name);

  function openssl(...args: readonly string[]) {
    const { status, stderr } = spawnSync('openssl', args, { cwd: directory, encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  }

  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const validity = ['-days', '2'];

  function createAuthority(name: string) {
    const files = ['-keyout', `${name}.key`, '-out', `${name}.pem`];
    openssl('req', '-x509', ...newKey, ...validity, '-subj', `/CN=${name}`, ...files);
  }

  function certify(name: string) {
    openssl('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', 'request');
    const authority = ['-CA', 'authority.pem', '-CAkey', 'authority.key', '-CAcreateserial'];
    const files = ['-in', 'request', '-extfile', 'extensions', '-out', `${name}.pem`];
    openssl('x509', '-req', ...files, ...authority, ...validity);
  }

  await writeFile(path('extensions'), 'subjectAltName=IP:127.0.0.1\n');
  createAuthority('authority');
  createAuthority('stranger');
  certify('server');
  certify('client');

  const text = (name: string) => readFile(path(name), 'utf8');
  return {
    path,
    /** What a client needs in order to connect to the server. */
    clientFiles: async () => ({
      ca: await text('authority.pem'),
      cert: await text('client.pem'),
      key: await text('client.key'),
    }),
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true });
    },
  };
}

export type TestCertificates = Awaited<ReturnType<typeof createCertificates>>;
