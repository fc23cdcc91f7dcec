/** Who an account's owner is: as it is shown, and the fields by which it is said. */
import type { ComponentChildren } from 'preact'
import { Stored } from './parts.tsx'
import type { Profile } from './types.ts'

/** What is known, by name. */
export function profileFacts(profile: Profile): (readonly [string, ComponentChildren])[] {
  const { name, contact, billingAddress, taxId } = profile
  const known: readonly (readonly [string, string | null])[] = [
    ['Name', name],
    ['Contact', contact],
    ['Billing address', billingAddress.join(', ') || null],
    ['Tax id', taxId],
  ]
  return known.flatMap(([title, text]) =>
    text === null ? [] : [[title, <Stored key={title} text={text} />] as const],
  )
}

/** What stands in the fields; an address has a line for each of its lines. */
export type ProfileDraft = Readonly<Record<'name' | 'contact' | 'billingAddress' | 'taxId', string>>

export function draftOf({ name, contact, billingAddress, taxId }: Profile): ProfileDraft {
  return {
    ...{ name: name ?? '', contact: contact ?? '', taxId: taxId ?? '' },
    billingAddress: billingAddress.join('\n'),
  }
}

/** What the API is sent: a field that was emptied is taken away. */
export function profileOf({ name, contact, billingAddress, taxId }: ProfileDraft): Profile {
  const text = (field: string) => field.trim() || null
  const lines = billingAddress.split('\n').map((line) => line.trim())
  return {
    ...{ name: text(name), contact: text(contact), taxId: text(taxId) },
    billingAddress: lines.filter((line) => line !== ''),
  }
}

export function ProfileFields(props: { draft: ProfileDraft; onChange(draft: ProfileDraft): void }) {
  const { draft, onChange } = props
  // The bounds are twice those of the API, which counts characters: a browser counts an emoji as two.
  const field = (name: keyof ProfileDraft) => ({
    value: draft[name],
    onInput: (event: { currentTarget: { value: string } }) =>
      onChange({ ...draft, [name]: event.currentTarget.value }),
  })
  return (
    <>
      <label>
        Name
        <input maxLength={400} {...field('name')} />
      </label>
      <label>
        Contact (e-mail)
        <input type="email" maxLength={254} {...field('contact')} />
      </label>
      <label>
        Billing address, line by line
        <textarea rows={4} maxLength={3_207} {...field('billingAddress')} />
      </label>
      <label>
        Tax id
        <input maxLength={128} {...field('taxId')} />
      </label>
    </>
  )
}
