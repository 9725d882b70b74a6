import { setTimeout as sleep } from 'node:timers/promises';
import type { Instance } from './world.ts';

export interface Counts {
  readonly sent: number;
  readonly failed: number;
  /** The codes of the failures, such as `HTTP_500`; `NO_RESPONSE` if no instance responded or all were not ready. */
  readonly codes: readonly string[];
}

interface Random {
  integer(from: number, to: number): number;
}

const timeoutMs = 12_000;
const intervalMs = 250;

/** Clients behind a load balancer: a request that an instance does not answer goes to the other one. */
export class ClientLoad {
  readonly #instances: readonly Instance[];
  readonly #random: Random;
  #sent = 0;
  readonly #failures: string[] = [];

  constructor(instances: readonly Instance[], random: Random) {
    this.#instances = instances;
    this.#random = random;
  }

  counts(): Counts {
    return {
      sent: this.#sent,
      failed: this.#failures.length,
      codes: [...new Set(this.#failures)],
    };
  }

  since({ sent, failed }: Counts): Counts {
    const codes = [...new Set(this.#failures.slice(failed))];
    return { sent: this.#sent - sent, failed: this.#failures.length - failed, codes };
  }

  /** Four operations per second: one of them makes a call, one in sixteen is a mutation. */
  async run(signal: AbortSignal): Promise<void> {
    const running = new Set<Promise<void>>();
    for (let count = 0; !signal.aborted; count += 1) {
      const operation = this.#operate(count).finally(() => running.delete(operation));
      running.add(operation);
      await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
    }
    await Promise.all(running);
  }

  async #operate(count: number): Promise<void> {
    const id = 5_000 + this.#random.integer(0, 199);
    const isCall = count % 4 === 0;
    const query =
      count % 16 === 1
        ? `mutation { markChatRead(id: ${id}, by: AGENT, read: ${count % 32 === 1}) { id } }`
        : isCall
          ? `{ chat(id: ${id}) { id status } }`
          : '{ chats(first: 5) { nodes { id } } }';
    this.#sent += 1;
    const failure = await this.#send(count, query, isCall ? { 'cache-control': 'no-cache' } : {});
    if (failure !== undefined) this.#failures.push(failure);
  }

  /** The code of its first error; undefined if it succeeded. */
  async #send(
    count: number,
    query: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<string | undefined> {
    for (let attempt = 0; attempt < this.#instances.length; attempt += 1) {
      const instance = this.#instances[(count + attempt) % this.#instances.length];
      try {
        const response = await fetch(`${instance?.url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body: JSON.stringify({ query }),
          signal: AbortSignal.timeout(timeoutMs),
        });
        if (response.status === 503) continue;
        const text = await response.text();
        const code = /"code":"(\w+)"/.exec(text)?.[1];
        const isFailed =
          !response.ok || !text.startsWith('{"data":') || text.includes('"errors":[');
        return code ?? (isFailed ? `HTTP_${response.status}` : undefined);
      } catch {
        // The other instance may answer.
      }
    }
    return 'NO_RESPONSE';
  }
}
