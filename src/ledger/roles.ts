/**
 * What is done over a connection to the ledger, each by a role of its own that can do nothing else. Roles belong to a whole
 * PostgreSQL server; what they may do is granted in each database.
 */
export const roles = ['calls', 'management', 'reader'] as const

export type Role = (typeof roles)[number]

/** What PostgreSQL calls each. */
export const roleNames = {
  calls: 'tollbook_calls',
  management: 'tollbook_management',
  reader: 'tollbook_reader',
} as const satisfies Record<Role, string>
