import { describe, expect, test } from 'bun:test'
import { foldName, nameToFind, noProfile } from '../../src/ledger/account-profile.ts'

describe('a name is folded', () => {
  test.each([
    ['ΟΔΟΣ ΑΘΗΝΑΣ', ['ΟΔΟΣ', 'οδος', 'οδοσ', 'Αθηνας', 'αθηνασ']],
    ['ΟΔΟΣΑΘΗΝΑ', ['ΟΔΟΣ', 'οδος']],
    ['İstanbul A.Ş.', ['istanbul', 'İSTANBUL', 'Istanbul', 'a.ş']],
    ['Ｕnique ＡＧ', ['unique ag', 'UNIQUE']],
    ['Żółć', ['ŻÓŁ', 'z\u0307ółć']],
  ])('so that %s is found by each beginning of a word, however it is written', (name, searches) => {
    for (const search of searches) expect(foldName(name)).toContain(foldName(search))
  })

  test('letter by letter: a beginning as it is in the whole', () => {
    const letters = [...'ΑΣ Σ.ΣΑ İİ ﬁ ẞß']
    const whole = foldName(letters.join(''))
    for (let at = 0; at <= letters.length; at++) {
      expect(whole).toStartWith(foldName(letters.slice(0, at).join('')))
    }
  })
})

describe('an account is found', () => {
  test('by its contact and its name', () => {
    const text = nameToFind({ ...noProfile, name: 'Acme GmbH', contact: 'Billing@acme.example' })
    expect(text).toContain('acme gmbh')
    expect(text).toContain('billing@acme.example')
  })

  test('by both where both become very long, within what the table keeps', () => {
    const wide = '\ufdfa'.repeat(200)
    const ofName = nameToFind({ ...noProfile, name: wide, contact: 'billing@acme.example' })
    expect(ofName).toContain('billing@acme.example')
    const ofContact = nameToFind({ ...noProfile, name: 'Acme', contact: `${wide}@acme.example` })
    expect(ofContact).toContain('acme')
    for (const text of [ofName, ofContact]) expect([...text].length).toBeLessThanOrEqual(1_000)
  })
})
