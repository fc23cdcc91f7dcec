/** `tollbook token`: signs a token for an owner or an operator, with JWT_SECRET. */
import { loadConfig } from '../../config/load-config.ts'
import { signToken } from '../../http/auth/sign-token.ts'
import { command } from '../command.ts'
import { UsageError } from '../errors.ts'
import { positiveInteger } from '../options/option-values.ts'

export default command(
  { description: 'Sign a token (JWT) for an owner or an operator.' },
  {
    subject: { type: 'positional', description: 'The user the token speaks for', required: true },
    role: { type: 'string', description: 'admin or auditor; without it an owner' },
    org: { type: 'string', description: 'The organisation that owns what the bearer creates' },
    days: { type: 'string', description: 'How long it is valid', default: '30' },
    config: {
      type: 'string',
      valueHint: 'FILE',
      description: 'Configuration file (tollbook.yaml)',
    },
  },
  async (args) => {
    const secret = process.env.JWT_SECRET
    if (!secret)
      throw new UsageError('set JWT_SECRET to the secret that the gateway verifies with.')
    const config = loadConfig({ file: args.config, env: process.env })
    const roles = { admin: config.adminRole, auditor: config.auditorRole }
    if (args.role && !(args.role in roles)) {
      throw new UsageError(`--role takes admin or auditor, not "${args.role}".`)
    }
    const token = await signToken({
      secret,
      subject: args.subject,
      expiresInSeconds: positiveInteger('days', args.days) * 86_400,
      role: roles[args.role as keyof typeof roles],
      organisation: args.org ? { claim: config.organisationClaim, id: args.org } : undefined,
      issuer: process.env.JWT_ISSUER,
      audience: process.env.JWT_AUDIENCE,
    })
    console.log(token)
  },
)
