/** What synchronous_standby_names says. */
export interface StandbyNames {
  /** How many standbys a commit waits for. */
  readonly count: number
  /** Whether any of them count, or the first of those that are connected. */
  readonly method: 'any' | 'first'
  /** In lower case; `*` means every standby. Empty: a commit waits for none. */
  readonly names: readonly string[]
}

/** Reads the setting as PostgreSQL does: `ANY 1 (a, b)`, `FIRST 1 (a, b)`, `1 (a, b)`, `a, b`. */
export function parseStandbyNames(text: string): StandbyNames {
  const [, method, count, list] = /^\s*(?:(first|any)\s+)?(\d+)\s*\((.*)\)\s*$/is.exec(text) ?? []
  return {
    count: Number(count ?? 1),
    method: method?.toLowerCase() === 'any' ? 'any' : 'first',
    names: [...(list ?? text).matchAll(/"((?:[^"]|"")*)"|[^,\s"]+/g)].map(([whole, quoted]) =>
      (quoted?.replaceAll('""', '"') ?? whole).toLowerCase(),
    ),
  }
}
