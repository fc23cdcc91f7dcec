import { expect, test } from 'bun:test'
import { Secret } from '../../src/lib/secret.ts'
import { OwnQuery } from '../../src/proxy/upstream/own-query.ts'

const query = new OwnQuery([
  ['appid', new Secret('it-is-ours')],
  ['api.key', new Secret('it-is-ours')],
])

test.each([
  ...['appid', 'AppId', '%61ppid', '%2561ppid', '+appid', 'appid%20', 'appid%0b', '?appid'],
  ...[
    'appid[]',
    'appid[x]',
    '[appid]',
    '[appid',
    'appid]',
    ']appid',
    '.appid',
    'appid.',
    'appid.x',
  ],
  ...['appid%00', 'appid%00x', 'appid%0ax', 'appid%5B%5D', '%5Bappid%5D', 'appid_', 'x;appid'],
  ...['api.key', 'api_key', 'api-key', 'API.Key'],
])("a parameter that a reader takes for the gateway's is not the client's to send: %s", (name) => {
  expect(query.addTo(`http://u.test/a?x=1&${name}=mine`)).toBe(
    'http://u.test/a?x=1&appid=it-is-ours&api.key=it-is-ours',
  )
})

test.each(['appids', 'xappid', 'app', 'api', 'app.id.x', 'filter[appid]', 'a%00appid'])(
  'another parameter stays: %s',
  (name) => {
    expect(query.addTo(`http://u.test/a?${name}=mine`)).toStartWith(`http://u.test/a?${name}=mine&`)
  },
)
