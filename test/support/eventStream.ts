type Headers = Readonly<Record<string, string>>;

/** Subscribes over HTTP, as a stream of events or of parts. It needs no answers, so that its test may advance the clock. */
export async function openEventStream(
  url: string,
  query: string,
  { accept = 'text/event-stream', headers = {} }: { accept?: string; headers?: Headers } = {},
) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { accept, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';

  /** The next complete line that contains a result. */
  async function next(): Promise<any> {
    for (;;) {
      const end = text.indexOf('\n');
      if (end >= 0) {
        const line = text.slice(0, end);
        text = text.slice(end + 1);
        const [json] = /\{.*"data":.*\}/.exec(line) ?? [];
        if (json === undefined) continue;
        const message = JSON.parse(json);
        return message.payload ?? message;
      }
      const { value, done } = (await reader?.read()) ?? { done: true };
      if (done) throw new Error('The stream ended.');
      text += value;
    }
  }

  return {
    next,
    async [Symbol.asyncDispose]() {
      await reader?.cancel();
    },
  };
}
