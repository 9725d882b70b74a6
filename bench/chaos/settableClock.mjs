// Loaded before a gateway: its parent process can set the wall clock of this process. The monotonic clock is that of the machine.
const systemNow = Date.now;
let aheadMs = 0;

Date.now = () => systemNow() + aheadMs;
globalThis.Date = new Proxy(Date, {
  construct: (date, values, target) =>
    Reflect.construct(date, values.length === 0 ? [Date.now()] : values, target),
});

process.on('message', (message) => {
  ({ aheadMs } = message);
  process.send(new Date().getTime());
});
process.channel.unref();
