/** Programs that some tests need, by the name in "(needs …)". */
const programs = {
  Redis: 'apt-get install redis-server',
  Sentinel: 'apt-get install redis-sentinel',
  promtool: 'apt-get install prometheus',
  Chromium: 'apt-get install chromium-headless-shell',
};

/** Lists skipped tests at the end, and how to install what they need. */
export default class SkippedReporter {
  onRunComplete(_contexts, { testResults }) {
    const skipped = testResults
      .flatMap(({ testResults: tests }) => tests)
      .filter(({ status, ancestorTitles }) => {
        const [group = ''] = ancestorTitles;
        return status === 'pending' && / \(needs \w+\)$/.test(group);
      });
    for (const [program, advice] of Object.entries(programs)) {
      const names = skipped
        .filter(({ ancestorTitles: [group] }) => group.endsWith(`(needs ${program})`))
        .map(({ fullName }) => `  ${fullName}`);
      if (names.length > 0) {
        process.stderr.write(
          `\nSkipped, because this machine has no ${program} (${advice}):\n${names.join('\n')}\n`,
        );
      }
    }
  }
}
