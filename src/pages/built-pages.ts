import type { Bundles } from './bundle-pages.ts'

/** The bundles within the single-file executable: `compile.ts` puts them in the place of this file's content. */
export const builtPages: Bundles | undefined = undefined
