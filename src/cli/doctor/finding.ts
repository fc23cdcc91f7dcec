/** What one check of `tollbook doctor` found. */

export interface Finding {
  readonly check: string
  /** A problem does not work, or can lose charges. A warning works, but worse than it should. */
  readonly status: 'ok' | 'warning' | 'problem'
  readonly found: string
  /** What to do about it; absent where the status is ok. */
  readonly advice?: string
}

export function ok(check: string, found: string): Finding {
  return { check, status: 'ok', found }
}

export function warning(check: string, found: string, advice: string): Finding {
  return { check, status: 'warning', found, advice }
}

export function problem(check: string, found: string, advice: string): Finding {
  return { check, status: 'problem', found, advice }
}
