/** What a gateway serves: calls (and what customers ask with their keys), management (owners and operators), or both. */
export const planes = ['calls', 'management', 'both'] as const

export type Plane = (typeof planes)[number]

export const sells = (plane: Plane): boolean => plane !== 'management'
export const manages = (plane: Plane): boolean => plane !== 'calls'
