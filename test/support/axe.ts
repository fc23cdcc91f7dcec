/** What axe-core finds wrong with a page, for whoever does not see it or uses no mouse. */
import type { Page } from 'playwright-core'

const source = await Bun.file(new URL(import.meta.resolve('axe-core/axe.min.js'))).text()

interface Fault {
  readonly id: string
  readonly nodes: readonly string[]
}

/** Empty where it finds nothing. It runs beside the page's own policy, which lets no other script in. */
export async function axeFaults(page: Page): Promise<Fault[]> {
  await page.evaluate(source)
  return page.evaluate(async () => {
    // biome-ignore lint/suspicious/noExplicitAny: the script puts it there
    const { violations } = await (window as any).axe.run()
    return violations.map(({ id, nodes }: { id: string; nodes: { html: string }[] }) => ({
      id,
      nodes: nodes.map(({ html }) => html),
    }))
  })
}
