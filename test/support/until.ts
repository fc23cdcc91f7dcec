/** Waits for a condition by asking for it, rather than for a time to pass. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  withinMs = 60_000,
  everyMs = 2,
): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not so within ${withinMs} ms: ${condition}`)
    await Bun.sleep(everyMs)
  }
}
