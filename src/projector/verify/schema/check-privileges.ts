/**
 * Whether everything in the ledger's schema belongs to the ledger's owner, and nobody has another privilege than `migrate` grants:
 * the roles of the server by the same lists (grants.ts), everybody else none.
 */
import type { Sql } from '../../../ledger/connect.ts'
import { functionsOf, hiddenColumns, readers } from '../../../ledger/migrate/grants.ts'
import { ownerRole, type Role, roleNames, roles } from '../../../ledger/roles.ts'
import type { SchemaFault } from './check-properties.ts'
import type { Property } from './describe-schema.ts'

interface Owned {
  readonly kind: 'schema' | 'table' | 'function'
  readonly name: string
  /** As the fault names it. */
  readonly object: string
  readonly isPartition: boolean
  readonly owner: string
  /** Such as `SELECT (position) to tollbook_reader`; those of the owner are left out. */
  readonly privileges: readonly string[]
}

export async function checkPrivileges(
  sql: Sql,
  schema: string,
  shipped: readonly Property[],
): Promise<SchemaFault[]> {
  const [{ owner }] = await sql.unsafe<[{ owner: string }]>(`select ${ownerRole(schema)} as owner`)
  const tables = columnsByTable(shipped)
  const functions = new Set(shipped.flatMap(({ table, what }) => (table === null ? [what] : [])))
  const all = await sql.unsafe<Owned[]>(ownedIn(schema))
  return all.flatMap((each) => {
    const { kind, name, object, isPartition } = each
    if (kind === 'table' && !isPartition && !tables.has(name)) return []
    if (kind === 'function' && !functions.has(object)) return []
    const faults = [
      ...(each.owner === owner ? [] : [`it belongs to ${each.owner}, as shipped to ${owner}`]),
      // A partition is read through the log, and one that was made since `migrate` has no privileges of its own.
      ...privilegeFaults(each.privileges, privilegesOf(each, tables), isPartition),
    ]
    return faults.map((fault) => ({ object, fault }))
  })
}

function columnsByTable(shipped: readonly Property[]): Map<string, string[]> {
  const tables = new Map<string, string[]>()
  for (const { table, isPartition, what, property } of shipped) {
    if (table === null || isPartition || property !== 'type') continue
    const column = what.replace('column ', '')
    tables.set(table, [...(tables.get(table) ?? []), column])
  }
  return tables
}

/** What `migrate` grants. */
function privilegesOf({ kind, name }: Owned, tables: Map<string, string[]>): string[] {
  const to = (privilege: string, granted: readonly Role[]) =>
    granted.map((role) => `${privilege} to ${roleNames[role]}`)
  switch (kind) {
    case 'schema':
      return to('USAGE', roles)
    case 'function':
      return to(
        'EXECUTE',
        roles.filter((role) => functionsOf(role).includes(name)),
      )
    case 'table': {
      const hidden = hiddenColumns[name]
      if (!hidden) return to('SELECT', readers)
      const shown = (tables.get(name) ?? []).filter((column) => !hidden.includes(column))
      return shown.flatMap((column) => to(`SELECT (${column})`, readers))
    }
    default:
      return kind satisfies never
  }
}

function privilegeFaults(
  privileges: readonly string[],
  shipped: readonly string[],
  mayLack: boolean,
): string[] {
  const more = privileges.filter((each) => !shipped.includes(each))
  const missing = mayLack ? [] : shipped.filter((each) => !privileges.includes(each))
  return [
    ...more.map((each) => `it grants ${each}, as shipped it does not`),
    ...missing.map((each) => `it does not grant ${each}, as shipped it does`),
  ]
}

function ownedIn(schema: string): string {
  return `
    select 'schema' as kind, n.nspname::text as name, 'schema ' || n.nspname as object, false as "isPartition",
      pg_get_userbyid(n.nspowner)::text as owner, array(${granted('n.nspacl', 'n', 'n.nspowner')}) as privileges
    from pg_namespace n where n.nspname = '${schema}'
    union all
    select 'table', c.relname, c.relname,
      exists (select from pg_inherits i where i.inhrelid = c.oid and i.inhparent = to_regclass('${schema}.events')),
      pg_get_userbyid(c.relowner),
      array(
        ${granted('c.relacl', 'r', 'c.relowner')}
        union all
        select each from pg_attribute a
        cross join lateral (${granted('a.attacl', 'c', 'c.relowner', `' (' || a.attname || ')'`)}) g (each)
        where a.attrelid = c.oid and not a.attisdropped
      )
    from pg_class c where c.relnamespace = '${schema}'::regnamespace and c.relkind in ('r', 'p', 'f', 'v', 'm')
    union all
    select 'function', p.proname, 'function ' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', false,
      pg_get_userbyid(p.proowner), array(${granted('p.proacl', 'f', 'p.proowner')})
    from pg_proc p where p.pronamespace = '${schema}'::regnamespace`
}

/**
 * Selects the privileges of a list in the catalogue, but for the owner's own.
 * @param kind of the object, as `acldefault` names it: without a list it has the privileges that PostgreSQL gives
 */
function granted(list: string, kind: string, owner: string, column = `''`): string {
  return `select x.privilege_type || ${column} || ' to ' || case x.grantee when 0 then 'everybody' else pg_get_userbyid(x.grantee) end
      || case when x.is_grantable then ' with grant option' else '' end
    from aclexplode(coalesce(${list}, acldefault('${kind}', ${owner}))) x where x.grantee <> ${owner}`
}
