import type { Announcement, News } from './feed.ts';

interface Options {
  readonly wants: (news: News) => boolean;
  readonly maxBuffered: number;
  readonly signal: AbortSignal;
  readonly onEnd: () => void;
}

export interface Listener {
  tell(news: News): void;
  /** Something may have been lost. */
  miss(): void;
  end(): void;
  readonly heard: AsyncIterableIterator<Announcement>;
}

type Heard = IteratorResult<Announcement, undefined>;

const over: Heard = { value: undefined, done: true };

/** Somebody who listens at their own pace. Of what comes meanwhile the latest is kept, and that something was lost is told first. */
export function createListener({ wants, maxBuffered, signal, onEnd }: Options): Listener {
  let kept: News[] = [];
  const asking: ((heard: Heard) => void)[] = [];
  let hasMissed = false;
  let isOver = false;

  function take(): Heard | undefined {
    if (isOver) return over;
    if (hasMissed) {
      hasMissed = false;
      return { value: { kind: 'gap' } };
    }
    const news = kept.shift();
    return news === undefined ? undefined : { value: news };
  }

  function serve(): void {
    while (asking.length > 0) {
      const heard = take();
      if (heard === undefined) return;
      asking.shift()?.(heard);
    }
  }

  function end(): void {
    if (isOver) return;
    isOver = true;
    kept = [];
    signal.removeEventListener('abort', end);
    serve();
    onEnd();
  }

  signal.addEventListener('abort', end, { once: true });
  return {
    tell(news) {
      if (isOver || !wants(news)) return;
      kept.push(news);
      serve();
      if (kept.length <= maxBuffered) return;
      kept.shift();
      hasMissed = true;
    },
    miss() {
      hasMissed = true;
      serve();
    },
    end,
    heard: {
      next() {
        const heard = take();
        if (heard !== undefined) return Promise.resolve(heard);
        return new Promise((resolve) => {
          asking.push(resolve);
        });
      },
      return() {
        end();
        return Promise.resolve(over);
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    },
  };
}
