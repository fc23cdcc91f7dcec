/** An upstream, as tollbook.yaml says it under `services`. */
import { type Static, Type } from '@sinclair/typebox'
import { closed, text, url } from '../../lib/schema-fields.ts'

export const Upstream = closed(
  {
    urlEnv: Type.Optional(
      text(
        '^[A-Z][A-Z0-9_]*$',
        'the name of an environment variable',
        'The environment variable that holds the address; when set, it wins over `url`.',
      ),
    ),
    url: Type.Optional(url('The address that live keys call.')),
    testUrl: Type.Optional(url('The address that test keys call. Absent: the demo service.')),
    demo: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'The demo service that stands in, labelled as such, where no address is set.',
      }),
    ),
  },
  { description: 'An upstream: a server behind the gateway.' },
)

export type Upstream = Static<typeof Upstream>
