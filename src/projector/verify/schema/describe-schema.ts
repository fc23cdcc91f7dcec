/** What stands in a schema, taken from PostgreSQL's catalogue: whatever decides what its tables take and its functions do. */
import type { Sql } from '../../../ledger/connect.ts'

/** One property of a table, or of something that belongs to it, or of a function. */
export interface Property {
  /** null: it is of a function. */
  readonly table: string | null
  /** Of the log. What is named after it is named `PARTITION` in `what` and `value`. */
  readonly isPartition: boolean
  /** What of the table: `column login`, `trigger project`; empty: itself. Of a function its name and its parameters. */
  readonly what: string
  readonly property: string
  readonly value: string
}

/**
 * Reads the properties of everything in a schema. What belongs to the schema itself is written without its name.
 * @param schema its name, or `pg_temp`
 */
export async function describeSchema(sql: Sql, schema: string): Promise<Property[]> {
  const found = schema === 'pg_temp' ? 'pg_my_temp_schema()' : `'${schema}'::regnamespace`
  const rows = await sql.unsafe<Property[]>(propertiesOf(found))
  const [own] = await sql.unsafe<[{ name: string }]>(
    `select nspname as name from pg_namespace where oid = ${found}`,
  )
  // PostgreSQL writes pg_temp_3 where a text of ours says pg_temp.
  const name = new RegExp(
    `(?<![\\w"$.])(${own.name}${schema === 'pg_temp' ? '|pg_temp' : ''})\\.`,
    'g',
  )
  return rows.map((row) => ({
    ...row,
    what: row.what.replace(name, ''),
    value: row.value.replace(name, ''),
  }))
}

function propertiesOf(schema: string): string {
  const { properties, tables } = {
    properties: ofTables.join('\nunion all\n'),
    tables: tablesIn(schema),
  }
  return `with tables as (${tables}), of_tables as (${properties})
    select "table", "isPartition",
      case when "isPartition" then replace(what, "table", 'PARTITION') else what end as what, property,
      case when "isPartition" then replace(value, "table", 'PARTITION') else value end as value
    from of_tables
    union all
    ${functionsIn(schema)}`
}

function tablesIn(schema: string): string {
  return `select c.oid, c.relname::text as "table", c.relkind, c.relpersistence, c.relrowsecurity,
      exists (select from pg_inherits i join pg_class parent on parent.oid = i.inhparent
        where i.inhrelid = c.oid and parent.relname = 'events' and parent.relnamespace = ${schema}) as "isPartition"
    from pg_class c where c.relnamespace = ${schema} and c.relkind in ('r', 'p', 'f', 'v', 'm')`
}

const ofTables: readonly string[] = [
  `select "table", "isPartition", '' as what, k.property, k.value
   from tables t cross join lateral (values
     ('kind', t.relkind::text),
     -- Temporary tables stand for tables that outlive a crash.
     ('durability', case t.relpersistence when 'u' then 'unlogged' else 'logged' end),
     ('row security', case when t.relrowsecurity then 'on' else 'off' end)) k (property, value)`,
  `select "table", "isPartition", 'column ' || a.attname, k.property, k.value
   from tables t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
   left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
   cross join lateral (values
     ('type', format_type(a.atttypid, a.atttypmod)),
     ('nulls', case when a.attnotnull then 'refused' else 'taken' end),
     ('default', coalesce(pg_get_expr(d.adbin, d.adrelid), 'null')),
     ('generation', format('as said%s%s', a.attidentity, a.attgenerated)),
     ('collation', a.attcollation::regcollation::text)) k (property, value)`,
  // Nulls have a property of their own, and a constraint's name only since PostgreSQL 18. Old rows may not have been validated.
  `select "table", "isPartition", 'constraint ' || c.conname, 'definition', replace(pg_get_constraintdef(c.oid), ' NOT VALID', '')
   from tables t join pg_constraint c on c.conrelid = t.oid and c.contype <> 'n'`,
  // An index is known by what it is, for PostgreSQL names those of partitions. One that is not valid refuses nothing.
  `select "table", "isPartition",
     case when i.indisunique then 'unique index ' else 'index ' end || split_part(pg_get_indexdef(i.indexrelid), ' USING ', 2),
     'state', case when bool_or(i.indisvalid and i.indisready) then 'in use' else 'not valid' end
   from tables t join pg_index i on i.indrelid = t.oid group by 1, 2, 3`,
  `select "table", "isPartition", 'trigger ' || g.tgname, k.property, k.value
   from tables t join pg_trigger g on g.tgrelid = t.oid and not g.tgisinternal
   cross join lateral (values
     ('definition', pg_get_triggerdef(g.oid)),
     ('state', case g.tgenabled when 'O' then 'enabled' when 'D' then 'disabled' else 'enabled for replication' end)
   ) k (property, value)`,
  `select "table", "isPartition", 'rule ' || r.rulename, 'definition', pg_get_ruledef(r.oid)
   from tables t join pg_rewrite r on r.ev_class = t.oid`,
]

function functionsIn(schema: string): string {
  return `select null, false, 'function ' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', k.property, k.value
    from pg_proc p join pg_language l on l.oid = p.prolang left join pg_aggregate a on a.aggfnoid = p.oid
    cross join lateral (values
      ('body', p.prosrc),
      ('language', l.lanname::text),
      ('kind', p.prokind::text),
      ('parameters', pg_get_function_arguments(p.oid)),
      ('result', pg_get_function_result(p.oid)),
      ('rights', case when p.prosecdef then 'those of its owner' else 'those of whoever runs it' end),
      ('settings', array_to_string(p.proconfig, '; ')),
      ('volatility', format('%s%s%s', p.provolatile, p.proparallel, case when p.proisstrict then ' strict' end)),
      ('parts', concat_ws(', ', a.aggtransfn, a.aggcombinefn, a.aggfinalfn, a.agginitval))
    ) k (property, value)
    where p.pronamespace = ${schema} and k.value is not null`
}
