/**
 * What stands in the ledger's schema and can change what its functions mean, though it is none of them: where an operator, or a cast,
 * fits what a function passes better than PostgreSQL's own, it is taken instead. Tollbook makes none, and no type.
 */
import type { Sql } from '../../../ledger/connect.ts'
import type { SchemaFault } from './check-properties.ts'

export async function findStrangers(sql: Sql, schema: string): Promise<SchemaFault[]> {
  const found = await sql<{ object: string }[]>`
    select format('operator %s(%s, %s)', o.oprname, format_type(nullif(o.oprleft, 0), null), format_type(o.oprright, null)) as object
    from pg_operator o join pg_namespace n on n.oid = o.oprnamespace where n.nspname = ${schema}
    union all
    select format('cast (%s as %s)', format_type(c.castsource, null), format_type(c.casttarget, null))
    from pg_cast c left join pg_proc p on p.oid = c.castfunc
    join pg_type source on source.oid = c.castsource join pg_type target on target.oid = c.casttarget
    join pg_namespace n on n.oid in (p.pronamespace, source.typnamespace, target.typnamespace) where n.nspname = ${schema}
    union
    -- Each table has a type of its rows, and each type one of its arrays.
    select format('type %s', t.typname) from pg_type t join pg_namespace n on n.oid = t.typnamespace
    left join pg_class c on c.oid = t.typrelid
    where n.nspname = ${schema} and (c.oid is null or c.relkind = 'c') and t.typcategory <> 'A' and t.typtype <> 'm'
    order by 1`
  return found.map(({ object }) => ({ object, fault: 'it is not shipped' }))
}
