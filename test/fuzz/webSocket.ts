import type { Random } from '../../src/simulator/random.ts';
import { WebSocket } from 'ws';
import { randomOperation, subscriptionDocument } from './documentGrammar.ts';
import type { Fault } from './oracle.ts';
import { faultsOfJson, faultsOfResult } from './oracle.ts';
import type { EntryPoint, Facts, Session } from './session.ts';
import { eachCase } from './session.ts';
import { bytes, compact, mutateJson, oddValue, size } from './values.ts';

type Message =
  | { readonly kind: 'text'; readonly text: string; readonly times: number }
  | { readonly kind: 'binary' | 'ping'; readonly data: Buffer }
  /** Bytes on the connection itself, where frames are expected. */
  | { readonly kind: 'frame'; readonly data: Buffer }
  /** Waits for the next message of the gateway, if there is one. */
  | { readonly kind: 'hear' };

interface Conversation {
  readonly protocol: string | undefined;
  /** Whether the first message says who it is, with these credentials. */
  readonly init: 'agent' | 'customer' | 'wrong' | undefined;
  readonly messages: readonly Message[];
  readonly ending: 'close' | 'terminate';
}

const types = [
  'subscribe',
  'complete',
  'ping',
  'pong',
  'next',
  'error',
  'connection_init',
  'connection_ack',
  'start',
  '',
  '__proto__',
];

const idOf = (random: Random): unknown =>
  random.weighted<() => unknown>([
    [() => String(random.integer(1, 3)), 8],
    [() => oddValue(random), 1],
  ])();

/** What clients send by the protocol, and what only servers may send, in any order. */
function message(random: Random, facts: Facts): string {
  const type = random.pick(types);
  const { query, variables } = random.weighted<
    () => { query: string; variables?: string | undefined }
  >([
    [() => ({ query: subscriptionDocument(random, facts) }), 4],
    [() => randomOperation(random, facts), 2],
    [() => ({ query: '{ __typename }' }), 1],
  ])();
  const payload = random.weighted<() => string>([
    [() => `{"query":${JSON.stringify(query)},"variables":${variables ?? '{}'}}`, 5],
    [() => JSON.stringify(oddValue(random)), 2],
    [() => '[]', 1],
  ])();
  const text = `{"type":${JSON.stringify(type)},"id":${JSON.stringify(idOf(random))},"payload":${payload}}`;
  return random.isLucky(0.25) ? mutateJson(random, text) : text;
}

const frames = (random: Random): Buffer =>
  random.weighted<() => Buffer>([
    [() => bytes(random, random.integer(1, 40)), 2],
    // A fragment without its end, reserved bits, an unmasked frame, a length that never comes.
    [() => Buffer.from([0x01, 0x80, 0, 0, 0, 0]), 1],
    [() => Buffer.from([0x70 | random.integer(0, 15), 0x80, 0, 0, 0, 0]), 1],
    [() => Buffer.from([0x81, 0x02, 0x7b, 0x7d]), 1],
    [() => Buffer.from([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), 1],
    [
      () => Buffer.from([0x88, 0x82, 0, 0, 0, 0, random.integer(0, 255), random.integer(0, 255)]),
      1,
    ],
  ])();

function generate(random: Random, facts: Facts): Conversation {
  const one = (): Message =>
    random.weighted<() => Message>([
      [() => ({ kind: 'text', text: message(random, facts), times: 1 }), 12],
      [() => ({ kind: 'hear' }), 4],
      [() => ({ kind: 'text', text: message(random, facts), times: size(random, 3_000) }), 2],
      [() => ({ kind: 'binary', data: bytes(random, random.integer(0, 60)) }), 1],
      [() => ({ kind: 'ping', data: bytes(random, random.integer(0, 60)) }), 1],
      [() => ({ kind: 'frame', data: frames(random) }), 1],
    ])();
  return {
    init: random.weighted([
      ['agent', 6],
      ['customer', 2],
      [undefined, 2],
      ['wrong', 1],
    ]),
    messages: Array.from({ length: random.integer(1, 8) }, one),
    protocol: random.weighted([
      ['graphql-transport-ws', 12],
      ['graphql-ws', 1],
      [undefined, 1],
    ]),
    ending: random.pick(['close', 'terminate']),
  };
}

/** How long the client waits for a message that may not come. */
const patienceMs = 120;

const known = new Set(['connection_ack', 'next', 'error', 'complete', 'ping', 'pong']);

function faultsOfMessage(text: string, session: Session): readonly Fault[] {
  const leaks = session.secrets.faultsOf(text, 'a message');
  let heard: any;
  try {
    heard = JSON.parse(text);
  } catch {
    return [...leaks, 'a message that is not JSON'];
  }
  if (!known.has(heard.type)) return [...leaks, 'a message of an unknown type'];
  if (heard.type === 'next') leaks.push(...faultsOfResult(heard.payload));
  if (heard.type === 'error') {
    leaks.push(
      ...(Array.isArray(heard.payload) && heard.payload.length > 0
        ? faultsOfResult({ errors: heard.payload })
        : faultsOfJson('', 'an error message')),
    );
  }
  return leaks;
}

async function run(input: Conversation, session: Session): Promise<readonly Fault[]> {
  const { target } = session;
  const faults: Fault[] = [];
  const given =
    input.init === undefined || input.init === 'wrong'
      ? { authorization: 'Bearer wrong.wrong.wrong' }
      : await session.authorization({ role: input.init });
  const socket = new WebSocket(
    `ws://127.0.0.1:${target.port}/graphql`,
    input.protocol === undefined ? [] : [input.protocol],
    { handshakeTimeout: 3_000 },
  );
  const state = { isOver: false };
  let wake: () => void = () => undefined;
  const over = new Promise<void>((resolve) => {
    socket.on('close', (code) => {
      state.isOver = true;
      // The gateway says that it failed.
      if (code === 4500 || code === 1011) faults.push(`closed with ${code}`);
      resolve();
    });
  });
  socket.on('error', () => undefined);
  socket.on('message', (data: Buffer) => {
    faults.push(...faultsOfMessage(data.toString(), session));
    wake();
  });
  const hear = (): Promise<unknown> => {
    let timer: NodeJS.Timeout | undefined;
    const heard = new Promise<void>((resolve) => {
      wake = resolve;
      timer = setTimeout(resolve, patienceMs);
    });
    return Promise.race([heard, over]).finally(() => clearTimeout(timer));
  };
  await Promise.race([new Promise((resolve) => socket.once('open', resolve)), over]);
  if (!state.isOver && input.init !== undefined) {
    socket.send(JSON.stringify({ type: 'connection_init', payload: given }));
    await hear();
  }
  for (const message of input.messages) {
    if (state.isOver) break;
    if (message.kind === 'hear') await hear();
    else if (socket.readyState !== WebSocket.OPEN) break;
    else if (message.kind === 'text') {
      for (let count = 0; count < message.times; count += 1) socket.send(message.text);
    } else if (message.kind === 'binary') socket.send(message.data);
    else if (message.kind === 'ping') socket.ping(message.data);
    else rawSocketOf(socket)?.write(message.data);
  }
  if (!state.isOver) await hear();
  if (input.ending === 'close') socket.close();
  const timer = setTimeout(() => socket.terminate(), input.ending === 'close' ? 1_000 : 0);
  await over;
  clearTimeout(timer);
  return faults;
}

/** The connection below, for bytes that are no frame. */
const rawSocketOf = (socket: WebSocket): { write(data: Buffer): void } | undefined =>
  (socket as any)._socket ?? undefined;

const describeMessage = (message: Message): string => {
  if (message.kind === 'hear') return 'wait for a message';
  if (message.kind === 'text') {
    const text = compact(message.text, 600);
    return message.times === 1 ? text : `${message.times} times ${text}`;
  }
  return `${message.kind} ${message.data.toString('hex')}`;
};

/** Conversations by `graphql-transport-ws` that break its rules: order, types, shapes, frames and endings. */
export const webSocket: EntryPoint<Conversation> = {
  name: 'webSocket',
  targets: ['production', 'demo'],
  batchSize: 8,
  generate,
  describe: ({ protocol, init, messages, ending }) =>
    [
      `WebSocket ${protocol ?? 'without a protocol'}, ${init === undefined ? 'no connection_init' : `connection_init with ${init} credentials`}`,
      ...messages.map(describeMessage),
      ending,
    ].join('\n    '),
  run: eachCase(run),
};
