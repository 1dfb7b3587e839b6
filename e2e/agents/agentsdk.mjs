// agentsdk.mjs: has an agent of the Claude Agent SDK do what the input says, a JSON object with the
// prompt and the model, with a tool of this program's own, and prints the SDK's messages. The
// environment is the agent's.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { text } from 'node:stream/consumers'

const folder = process.env.QWENVOY_AGENTS + '/'
const require = createRequire(folder)
const { createSdkMcpServer, query, tool } = await import(pathToFileURL(folder + 'node_modules/@anthropic-ai/claude-agent-sdk/sdk.mjs'))
const { z } = require('zod')

const { prompt, model } = JSON.parse(await text(process.stdin))
const towns = { 'Rome "città"': 'Warm.', Oslo: 'Cold.' }
const weather = tool('get_weather', 'Tells the weather in a city.', { city: z.string() }, async ({ city }) => ({ content: [{ type: 'text', text: towns[city] ?? 'Unknown.' }] }))
const messages = []
for await (const message of query({
  prompt,
  options: {
    model,
    mcpServers: { towns: createSdkMcpServer({ name: 'towns', version: '1.0.0', tools: [weather] }) },
    permissionMode: 'bypassPermissions',
    allowDangerouslySkipPermissions: true,
    settingSources: [],
  },
})) {
  messages.push(message)
}
process.stdout.write(JSON.stringify(messages))
