import type { Bundle } from './bundle-portal.ts'

/** The bundle within the single-file executable: `compile.ts` puts it in the place of this file's content. */
export const builtPortal: Bundle | undefined = undefined
