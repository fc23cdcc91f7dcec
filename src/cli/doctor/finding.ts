/** What a check found, and what is to be done about it. */

export interface Finding {
  readonly check: string
  /** problem: does not work, or charges can be lost; warning: works worse than it should. */
  readonly status: 'ok' | 'warning' | 'problem'
  readonly found: string
  /** What to do; absent where all is well. */
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
