/** Runs one peer in a separate process, `node serve.mjs <peer>`, which its parent controls over IPC. */
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
