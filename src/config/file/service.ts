/** An upstream, as tollbook.yaml says it under `services`. */
import { type Static, Type } from '@sinclair/typebox'
import { closed, headerName, recordOf, text, url } from '../../lib/schema-fields.ts'

const variable = (description: string) =>
  text('^[A-Z][A-Z0-9_]*$', 'the name of an environment variable, in upper case', description)

/** Whoever writes the secret itself there does not read it again in an error. */
const secretVariable = (description: string) => ({ ...variable(description), writeOnly: true })

/** What the gateway adds to each request: a secret from the environment, or a text that is none. */
const OwnField = Type.Union(
  [
    closed(
      {
        env: secretVariable(
          'The environment variable that holds the secret for `url` or `targets`.',
        ),
        testEnv: Type.Optional(
          secretVariable(
            'The variable that holds the secret for `testUrl`; needed where there is one, so that no secret goes to another system unasked. It may be the same.',
          ),
        ),
        prefix: Type.Optional(
          Type.String({ minLength: 1, description: 'What stands before it, such as `Bearer `.' }),
        ),
      },
      { description: 'A secret from the environment.' },
    ),
    closed(
      {
        value: Type.String({ minLength: 1, description: 'A text that is no secret.' }),
      },
      { description: 'A text that is no secret.' },
    ),
    // Whoever writes a secret where `env` belongs does not read it again in an error.
  ],
  { writeOnly: true, sample: '{ env: NAME }' },
)

const Identity = Type.Union(
  [
    Type.Literal('default'),
    Type.Literal('kong'),
    Type.Literal('none'),
    closed(
      {
        account: Type.Optional(headerName("The header with the account's id.")),
        owner: Type.Optional(
          headerName(
            'The header with the id of the user or organisation that owns the account: personal data, where user ids are.',
          ),
        ),
        key: Type.Optional(headerName("The header with the key's id, which is no secret.")),
        plan: Type.Optional(headerName("The header with the name of the account's plan.")),
      },
      {
        minProperties: 1,
        description: 'Headers of your own names; what is not named is not sent.',
      },
    ),
  ],
  {
    description:
      'The headers that tell the upstream who calls. default: X-Account-Id, X-Owner-Id, X-Key-Id and X-Plan. kong: the names that Kong gives them. none: no headers. Whatever it says, no client can send a header of such a name.',
    default: 'default',
  },
)

export const Upstream = closed(
  {
    urlEnv: Type.Optional(
      variable(
        'The environment variable that holds the address; when set, it wins over `url` and `targets`.',
      ),
    ),
    url: Type.Optional(url('The address that live keys call.')),
    targets: Type.Optional(
      Type.Array(url('An address that live keys call.'), {
        minItems: 1,
        description:
          'Several addresses, instead of `url`: the next one is called when one refuses the connection, and never after anything was sent.',
      }),
    ),
    testUrl: Type.Optional(url('The address that test keys call. Absent: the demo service.')),
    demo: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'The demo service that stands in, labelled as such, where no address is set.',
      }),
    ),
    headers: Type.Optional(
      recordOf(
        OwnField,
        'Headers that the gateway adds to every request, such as the credentials of the upstream. Clients cannot send these. A demo service gets none.',
      ),
    ),
    query: Type.Optional(
      recordOf(
        OwnField,
        "Parameters that the gateway adds to every request's query, such as a credential. Clients cannot send these. A demo service gets none.",
      ),
    ),
    identity: Type.Optional(Identity),
    requestHeaders: Type.Optional(
      Type.Array(headerName('A header.'), {
        description:
          "The only headers of a client's request that reach the upstream, beside its Content-Type. Absent: all but those that name an identity, an address or a control of some proxy.",
      }),
    ),
  },
  { description: 'An upstream: a server behind the gateway.' },
)

export type Upstream = Static<typeof Upstream>
export type OwnField = Static<typeof OwnField>
export type Identity = Static<typeof Identity>
