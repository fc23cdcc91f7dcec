/** `tollbook config schema` */
import { configJsonSchema } from '../../../config/file/file-schema.ts'
import { command } from '../../command.ts'
import { json } from '../../output.ts'

export default command(
  {
    description: 'Print the JSON Schema of tollbook.yaml, for editors.',
    examples: ['config schema > tollbook.schema.json'],
  },
  {},
  async () => json(configJsonSchema),
)
