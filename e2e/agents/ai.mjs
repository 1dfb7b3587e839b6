// ai.mjs URL: runs loops of tools through the AI SDK and its provider for Anthropic: the SDK itself calls
// the tools and gives the results, and what the model thought, back. The input is a list of tasks, each a
// JSON object of model, system, prompt, stream, thinking (absent for a client that says nothing of it) and
// results, by city. It prints a list: of each the last text, and what the SDK took for thinking in each step.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { text } from 'node:stream/consumers'

const require = createRequire(process.env.QWENVOY_AGENTS + '/')
const load = async name => import(pathToFileURL(require.resolve(name)))
const { generateText, streamText, tool, stepCountIs } = await load('ai')
const { createAnthropic } = await load('@ai-sdk/anthropic')
const { z } = await load('zod')

const anthropic = createAnthropic({ baseURL: process.argv[2] + '/v1', apiKey: 'sk-agents' })

async function run(task) {
  const options = {
    model: anthropic(task.model),
    system: task.system,
    prompt: task.prompt,
    maxRetries: 0,
    maxOutputTokens: 4000,
    stopWhen: stepCountIs(4),
    providerOptions: task.thinking && { anthropic: { thinking: task.thinking } },
    tools: {
      get_weather: tool({
        description: 'The weather.',
        inputSchema: z.object({ city: z.string(), days: z.number().optional() }),
        execute: async ({ city }) => task.results[city],
      }),
    },
  }
  if (!task.stream) return generateText(options)
  const result = streamText({ ...options, onError: ({ error }) => { throw error } })
  await result.consumeStream()
  return { text: await result.text, steps: await result.steps }
}

const results = []
for (const task of JSON.parse(await text(process.stdin))) {
  const result = await run(task)
  results.push({ text: result.text, thinking: result.steps.map(step => step.reasoningText ?? '') })
}
process.stdout.write(JSON.stringify(results))
