/**
 * Joins what several processes publish of the same metrics, in the text format of Prometheus, which wants all samples of a
 * metric in one place. Each process must have a label of its own, so that no two samples are the same.
 */
export function mergeExpositions(texts: readonly string[]): string {
  const metrics = new Map<string, string[]>()
  for (const text of texts) {
    for (const metric of text.split(/^(?=# HELP )/m)) {
      const [help = '', type = '', ...samples] = metric.trim().split('\n')
      if (!help.startsWith('# HELP ')) continue
      const head = `${help}\n${type}`
      metrics.set(head, [...(metrics.get(head) ?? []), ...samples])
    }
  }
  return [...metrics].map(([head, samples]) => `${[head, ...samples].join('\n')}\n`).join('\n')
}
