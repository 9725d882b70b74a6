// Loaded into the gateway under test: tells its parent what it holds once all garbage is gone.
process.on('message', () => {
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, rss } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const held = {};
  for (const kind of process.getActiveResourcesInfo()) held[kind] = (held[kind] ?? 0) + 1;
  process.send({ heapUsed, rss, cpuMs: (user + system) / 1000, held });
});
// The channel is no reason to stay.
process.channel.unref();
