import { readFileSync } from 'node:fs';

/** The metrics that alert rules read. */
const rules = readFileSync(new URL('../../deploy/alerts.yml', import.meta.url), 'utf8');
const metricNames = new Set(rules.match(/\b(?:helpcrunch|nodejs|process)_[a-z0-9_]+\b/g));

const linePattern = /^([a-z][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/;

/** Scrapes instances as Prometheus does, and keeps the samples. */
export class Recorder {
  /** By series, the value of each scrape. */
  readonly #samples = new Map<string, Map<number, string>>();
  #scrapes = 0;

  get scrapes(): number {
    return this.#scrapes;
  }

  async scrape(instances: readonly { readonly name: string; readonly metricsUrl: string }[]) {
    const index = this.#scrapes;
    this.#scrapes += 1;
    await Promise.all(
      instances.map(async ({ name, metricsUrl }) => {
        const text = await this.#read(metricsUrl);
        const target = `job="helpcrunch-graphql", instance="${name}"`;
        this.#add(`up{${target}}`, index, text === undefined ? '0' : '1');
        for (const line of text?.split('\n') ?? []) {
          const [, metric = '', labels = '', value = ''] = linePattern.exec(line) ?? [];
          if (!metricNames.has(metric)) continue;
          const all = labels === '' ? target : `${labels.replaceAll('",', '", ')}, ${target}`;
          this.#add(`${metric}{${all}}`, index, value);
        }
      }),
    );
  }

  /** In the notation of `promtool test rules`, in which a missing sample is an underscore. */
  series(): readonly { readonly series: string; readonly values: string }[] {
    return Array.from(this.#samples, ([series, samples]) => ({
      series,
      values: Array.from({ length: this.#scrapes }, (_, index) => samples.get(index) ?? '_').join(
        ' ',
      ),
    }));
  }

  async #read(url: string): Promise<string | undefined> {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(900) });
      return response.ok ? await response.text() : undefined;
    } catch {
      return undefined;
    }
  }

  #add(series: string, index: number, value: string): void {
    const samples = this.#samples.get(series) ?? new Map<number, string>();
    samples.set(index, value);
    this.#samples.set(series, samples);
  }
}
