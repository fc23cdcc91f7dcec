/** `tollbook token` */
import { loadConfig } from '../../config/load-config.ts'
import { signToken } from '../../http/auth/sign-token.ts'
import { command } from '../command.ts'
import { parsePositiveInteger } from '../options/option-values.ts'
import { say } from '../output.ts'
import { UsageError } from '../usage-error.ts'

export default command(
  {
    description: 'Sign a token (JWT) for an account owner or an operator, with JWT_SECRET.',
    examples: ['token anna --org acme', 'token ops --role admin --days 1'],
  },
  {
    subject: {
      type: 'positional',
      description: 'Id of the user who will use the token',
      required: true,
    },
    role: {
      type: 'string',
      description:
        'Of operators: admin, support or auditor; of owners: reader. Without it, an account owner',
    },
    org: { type: 'string', description: 'Organisation that owns the keys which the user creates' },
    days: { type: 'string', description: 'Days until it expires', default: '30' },
    config: {
      type: 'string',
      valueHint: 'FILE',
      description: 'Configuration file (default: tollbook.yaml)',
    },
  },
  async (args) => {
    const secret = process.env.JWT_SECRET
    if (!secret)
      throw new UsageError('set JWT_SECRET to the secret that the gateway verifies with.')
    const config = loadConfig({ file: args.config, env: process.env })
    const { adminRole, auditorRole, supportRole, readerRole } = config
    const roles = {
      ...{ admin: adminRole, auditor: auditorRole },
      ...{ support: supportRole, reader: readerRole },
    }
    if (args.role === 'support' && supportRole === undefined) {
      throw new UsageError('nobody is support: the configuration names no supportRole.')
    }
    if (args.role && !Object.hasOwn(roles, args.role)) {
      throw new UsageError(`--role takes ${Object.keys(roles).join(', ')}, not "${args.role}".`)
    }
    const token = await signToken({
      secret,
      subject: args.subject,
      expiresInSeconds: parsePositiveInteger('--days', args.days) * 86_400,
      role: roles[args.role as keyof typeof roles],
      roleClaim: config.roleClaim,
      organisation: args.org ? { claim: config.organisationClaim, id: args.org } : undefined,
      issuer: process.env.JWT_ISSUER,
      audience: process.env.JWT_AUDIENCE,
    })
    say(token)
  },
)
