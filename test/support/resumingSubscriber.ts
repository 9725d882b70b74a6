import { openSocket } from './socket.ts';

export type SubscriberTransport = 'websocket' | 'sse' | 'sse-get' | 'multipart';

interface SubscriberOptions {
  readonly transport: SubscriberTransport;
  /** With the variable `after`, if it is used. */
  readonly query: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The id of the last event: a header of event streams, otherwise a variable. */
  readonly after?: string;
}

export interface ResumingSubscriber extends AsyncDisposable {
  /** The next result, or the response that rejects the subscription. */
  next(): Promise<any>;
  close(): Promise<void>;
}

async function openWebSocket(
  url: string,
  { query, headers, after }: SubscriberOptions,
): Promise<ResumingSubscriber> {
  const socket = await openSocket(url);
  const closed = socket.closed.then(() => {
    throw new Error('The connection closed.');
  });
  closed.catch(() => undefined);
  await Promise.race([socket.initialize(headers), closed]);
  socket.send({ id: 'a', type: 'subscribe', payload: { query, variables: { after } } });
  const close = () => socket[Symbol.asyncDispose]();
  return {
    async next() {
      const { type, payload } = await Promise.race([socket.nextMessage(), closed]);
      return type === 'error' ? { errors: payload } : payload;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

const acceptOf = (transport: SubscriberTransport): string =>
  transport === 'multipart' ? 'multipart/mixed;subscriptionSpec=1.0' : 'text/event-stream';

function request(url: string, { transport, query, headers = {}, after }: SubscriberOptions) {
  const isStream = transport !== 'multipart';
  const sent = {
    ...headers,
    accept: acceptOf(transport),
    ...(isStream && after !== undefined ? { 'last-event-id': after } : {}),
  };
  if (transport === 'sse-get')
    return fetch(`${url}/graphql/stream?query=${encodeURIComponent(query)}`, { headers: sent });
  return fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { ...sent, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables: isStream ? {} : { after } }),
  });
}

/** Subscribes, after an event if its id is given. Event streams check that their `id` is that of the result. */
export async function openSubscriber(
  url: string,
  options: SubscriberOptions,
): Promise<ResumingSubscriber> {
  if (options.transport === 'websocket') return openWebSocket(url, options);
  const response = await request(url, options);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const close = async () => reader?.cancel();
  let text = '';
  let eventId: string | undefined;
  const rejected = response.ok ? undefined : response.status;

  async function next(): Promise<any> {
    for (;;) {
      const end = text.indexOf('\n');
      if (end >= 0) {
        const line = text.slice(0, end);
        text = text.slice(end + 1);
        if (line.startsWith('id: ')) eventId = line.slice(4).trim();
        const [json] = /\{.*"(data|errors)":.*\}/.exec(line) ?? [];
        if (json === undefined) continue;
        const message = JSON.parse(json);
        if (message.payload === null) throw new Error('The gateway ended the stream.');
        const result = message.payload ?? message;
        if (options.transport.startsWith('sse') && eventId !== result.extensions?.eventId)
          throw new Error('The id of the event differs.');
        // A report of missed events may have none.
        eventId = undefined;
        return result;
      }
      const { value, done } = (await reader?.read()) ?? { done: true };
      if (done && rejected !== undefined) return JSON.parse(text);
      if (done) throw new Error('The stream ended.');
      text += value;
    }
  }

  return { next, close, [Symbol.asyncDispose]: close };
}
