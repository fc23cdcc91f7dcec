/**
 * What is done over a connection to the ledger, each by a role of its own that can do nothing else. Roles belong to a whole
 * PostgreSQL server; what they may do is granted in each database.
 */
export const roles = ['calls', 'management', 'portal', 'reader'] as const

export type Role = (typeof roles)[number]

/** What PostgreSQL calls each. */
export const roleNames = {
  calls: 'tollbook_calls',
  management: 'tollbook_management',
  portal: 'tollbook_portal',
  reader: 'tollbook_reader',
} as const satisfies Record<Role, string>

/**
 * SQL for the role that the ledger in a schema belongs to: its own where nobody logs in as that, else one that is named after the
 * database, for roles belong to the whole server. A copy of a database keeps the role. PostgreSQL's names have 63 bytes.
 */
export const ownerRole = (schema: string) => `coalesce(
  (select rolname::text from pg_namespace join pg_roles on pg_roles.oid = nspowner
    where nspname = '${schema}' and not rolcanlogin and rolname not like 'pg\\_%'),
  'tollbook_owner_' || case when octet_length(current_database()) <= 48 then current_database() else md5(current_database()) end)`
