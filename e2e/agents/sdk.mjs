// sdk.mjs SDK URL: streams the request that comes on the input, a JSON object, through an SDK's own
// accumulator and prints what it made of the stream. SDK is anthropic, anthropic-beta or openai;
// URL is the gateway's.
import { createRequire } from 'node:module'
import { text } from 'node:stream/consumers'

const require = createRequire(process.env.QWENVOY_AGENTS + '/')
const [sdk, url] = process.argv.slice(2)
const request = JSON.parse(await text(process.stdin))

async function accumulate() {
  if (sdk === 'openai') {
    const { OpenAI } = require('openai')
    const client = new OpenAI({ baseURL: url + '/v1', apiKey: 'sk-agents', maxRetries: 0 })
    return client.responses.stream(request).finalResponse()
  }
  const { Anthropic } = require('@anthropic-ai/sdk')
  const client = new Anthropic({ baseURL: url, apiKey: 'sk-agents', maxRetries: 0 })
  const messages = sdk === 'anthropic-beta' ? client.beta.messages : client.messages
  return messages.stream(request).finalMessage()
}

process.stdout.write(JSON.stringify(await accumulate()))
