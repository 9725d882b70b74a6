/** Ends the process when the start is interrupted: nothing is running yet. */
let stop: (signal: string) => void = () => process.exit(0);
const duringStart = { isReloadRequested: false };
/** A signal during the start can arrive after the files were read, so they are read again when the gateway has started. */
let reload = (): void => {
  duringStart.isReloadRequested = true;
};

// Before anything else is loaded: the kernel ignores signals without a handler for the first process of a container.
const stopSignals = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

function onStopSignal(signal: NodeJS.Signals): void {
  // The next signal ends the process at once.
  for (const each of stopSignals) process.removeListener(each, onStopSignal);
  for (const each of stopSignals) process.on(each, () => process.exit(1));
  stop(signal);
}

for (const signal of stopSignals) process.on(signal, onStopSignal);
process.on('SIGHUP', () => reload());

const { serve, reportStartError } = await import('./app/serve.ts');
const { onNextTurn } = await import('./lib/clock.ts');
// Signals that have arrived meanwhile are handled first: newer versions of Node load all modules in one turn of the event loop.
await new Promise<void>((resolve) => onNextTurn(resolve));
try {
  ({ stop, reload } = await serve());
  if (duringStart.isReloadRequested) reload();
} catch (error) {
  reportStartError(error);
  process.exit(1);
}
