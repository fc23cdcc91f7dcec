/** The alert rules ask for metrics that exist, and each is explained. */
import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { Sql } from '../../src/ledger/connect.ts'
import { roleNames } from '../../src/ledger/roles.ts'
import { refusals } from '../../src/problems/refusal.ts'
import { gatewayGauges } from '../../src/server/metrics/gateway-gauges.ts'
import { ledgerMetrics } from '../../src/server/metrics/ledger-metrics.ts'
import { openMetrics } from '../../src/server/metrics/metrics.ts'
import { verifyMetrics } from '../../src/server/metrics/verify-metrics.ts'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly runbook: string }
}

const docs = join(import.meta.dir, '../../docs')
const file: { groups: { name: string; rules: Rule[] }[] } = parse(
  readFileSync(join(docs, 'alerts.yaml'), 'utf8'),
)
const runbook = readFileSync(join(docs, 'RUNBOOK.md'), 'utf8')
const rules = file.groups.flatMap((group) => group.rules)

const none = () => 0
const { registry } = openMetrics(['search'])
gatewayGauges(registry, {
  callsInFlight: none,
  appendsPending: none,
  rateLimitsDegraded: () => false,
  clockDisagrees: () => false,
})
ledgerMetrics(registry, {} as Sql, () => {})
verifyMetrics(registry)

/** Labels by the names of samples; `job` and `instance` are put there by whoever scrapes. */
const labelsOf = new Map<string, readonly string[]>([['up', ['job', 'instance']]])
for (const metric of await registry.getMetricsAsArray()) {
  const { name, type, labelNames } = metric as unknown as {
    name: string
    type: string
    labelNames: string[]
  }
  const labels = ['job', 'instance', ...labelNames]
  labelsOf.set(name, labels)
  if (type !== 'histogram') continue
  for (const suffix of ['_sum', '_count']) labelsOf.set(name + suffix, labels)
  labelsOf.set(`${name}_bucket`, [...labels, 'le'])
}

// What `serve --workers` adds to the metrics of its workers.
labelsOf.set('tollbook_worker_up', ['job', 'instance', 'worker'])

// What deploy/restore-drill writes for Prometheus's node exporter.
const drill = readFileSync(join(docs, '../deploy/restore-drill'), 'utf8')
for (const [, name = ''] of drill.matchAll(/^ *sample ([a-z_]+) '/gm)) {
  labelsOf.set(`tollbook_restore_drill_${name}`, ['job', 'instance'])
}

/** The samples that an expression asks for, with their selectors. */
function selected(expr: string): { name: string; selector: string }[] {
  const names = /\b(up|(?:tollbook|process|nodejs)_\w+)\b(?:\{([^}]*)\})?/g
  return [...expr.matchAll(names)].map(([, name = '', selector = '']) => ({ name, selector }))
}

test('alerts have names of their own', () => {
  expect(rules.length).toBeGreaterThan(10)
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length)
})

describe.each(rules)('$alert', ({ alert, expr, labels, annotations, ...rest }) => {
  test('is a rule that Prometheus can load', () => {
    expect(alert).toMatch(/^[A-Z][A-Za-z]+$/)
    expect(rest.for ?? '1m').toMatch(/^\d+[smh]$/)
    expect(['page', 'ticket']).toContain(labels.severity)
    expect(annotations.summary).not.toBeEmpty()
    for (const pair of ['()', '{}', '[]']) {
      expect(expr.split(pair.charAt(0)).length).toBe(expr.split(pair.charAt(1)).length)
    }
  })

  test('asks for metrics and labels that exist', () => {
    const samples = selected(expr)
    expect(samples).not.toBeEmpty()
    for (const { name, selector } of samples) {
      expect([...labelsOf.keys()]).toContain(name)
      for (const [, label = ''] of selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)) {
        expect(labelsOf.get(name)).toContain(label)
      }
    }
    const grouped = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, names = '']) =>
      names.split(/,\s*/),
    )
    const known = samples.flatMap(({ name }) => labelsOf.get(name) ?? [])
    for (const label of grouped) expect(known).toContain(label)
  })

  test('names reasons that there are', () => {
    for (const [, reasons = ''] of expr.matchAll(/reason=~?"([^"]+)"/g)) {
      for (const reason of reasons.split('|')) expect(Object.keys(refusals)).toContain(reason)
    }
  })

  test('is explained in the runbook', () => {
    expect(runbook).toContain(`\n## ${alert}\n`)
    expect(annotations.runbook).toBe(`RUNBOOK.md#${alert.toLowerCase()}`)
  })
})

test('the runbook speaks of metrics that exist, and its links lead somewhere', () => {
  const roles: readonly string[] = [...Object.values(roleNames), 'tollbook_owner_app']
  for (const { name } of selected(runbook)) {
    if (name === 'up' || name === 'tollbook_' || roles.includes(name)) continue
    expect([...labelsOf.keys()]).toContain(name)
  }
  const headings = [...runbook.matchAll(/^## (.+)$/gm)].map(([, text = '']) => text.toLowerCase())
  for (const [, anchor = ''] of runbook.matchAll(/\]\(#(\w+)\)/g))
    expect(headings).toContain(anchor)
})
