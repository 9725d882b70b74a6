// Loaded into the gateway before its own code: measures the longest callback of the event loop in work, as time in which the machine did
// something else is not the gateway's, and the memory when asked. The answer is a line of stderr, after every line that was logged before.

const everyMs = 5;

let longestBlockMs = 0;
let lastMs = performance.now();
let lastUsage = process.cpuUsage();

function measure() {
  const now = performance.now();
  const { user, system } = process.cpuUsage(lastUsage);
  const delayMs = now - lastMs - everyMs;
  longestBlockMs = Math.max(longestBlockMs, Math.min(delayMs, (user + system) / 1000));
  lastMs = now;
  lastUsage = process.cpuUsage();
}

setInterval(measure, everyMs).unref();

process.on('message', (message) => {
  measure();
  const blockMs = longestBlockMs;
  if (message === 'collect') globalThis.gc();
  const { heapUsed, rss } = process.memoryUsage();
  const reading = {
    longestBlockMs: blockMs,
    heapBytes: heapUsed,
    rssBytes: rss,
    isPolluted: Object.keys(Object.prototype).length > 0,
  };
  process.stderr.write(`@fuzz-reading ${JSON.stringify(reading)}\n`);
  longestBlockMs = 0;
  lastMs = performance.now();
  lastUsage = process.cpuUsage();
});
// The IPC channel does not keep the process alive, and its end terminates the process.
process.channel.unref();
process.on('disconnect', () => process.exit(0));
