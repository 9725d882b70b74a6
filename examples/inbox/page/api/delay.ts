import { ApolloLink } from '@apollo/client';
import { Observable } from 'rxjs';

declare module '@apollo/client' {
  interface DefaultContext {
    /** The mutation is sent after this time, unless `undo` is aborted before. */
    readonly delayMs?: number;
    readonly undo?: AbortSignal;
  }
}

/** The error of a mutation that was undone before it was sent. */
export class UndoneError extends Error {}

/** Delays mutations that can be undone. Until then their optimistic result is shown. */
export const delayedWrites = new ApolloLink((operation, forward) => {
  const { delayMs, undo } = operation.getContext();
  if (delayMs === undefined) return forward(operation);
  return new Observable((observer) => {
    const stop = () => {
      clearTimeout(timer);
      window.removeEventListener('pagehide', sendNow);
    };
    const send = () => {
      stop();
      forward(operation).subscribe(observer);
    };
    const sendNow = () => {
      // The request survives the page.
      operation.setContext({ fetchOptions: { keepalive: true } });
      send();
    };
    const timer = setTimeout(send, delayMs);
    window.addEventListener('pagehide', sendNow);
    undo?.addEventListener('abort', () => {
      stop();
      observer.error(new UndoneError());
    });
  });
});
