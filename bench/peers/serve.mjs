/** One peer in a process of its own: `node serve.mjs <peer>`, told by its parent what to do. */
const { start } = await import(`./${process.argv[2]}.mjs`);
const upstream = process.env.UPSTREAM_URL;
const url = await start(upstream);

process.on('message', (word) => {
  if (word === 'exit') process.exit();
  if (word === 'usage') {
    const { user, system } = process.cpuUsage();
    process.send({ cpuUs: user + system, rss: process.memoryUsage.rss() });
  } else if (word === 'collect') {
    globalThis.gc?.();
    process.send({});
  } else if (word === 'keep') {
    import('./desk.mjs').then(({ keep }) => {
      keep();
      process.send({});
    });
  }
});
process.send({ url });
