package clients

import "fmt"

func openAI(g *Gateway) Settings {
	return Settings{Variables: []Variable{{Name: "OPENAI_BASE_URL", Value: g.URL + "/v1"}, {Name: "OPENAI_API_KEY", Key: true}}}
}

func anthropic(g *Gateway) Settings {
	return Settings{
		Variables: []Variable{{Name: "ANTHROPIC_BASE_URL", Value: g.URL}, {Name: "ANTHROPIC_AUTH_TOKEN", Key: true}},
		Unset:     []string{"ANTHROPIC_API_KEY"},
	}
}

// Programs in Python and JavaScript: a name is quoted alike in both.

func agentsSDK(g *Gateway) Settings {
	return Settings{Sample: &File{"ask.py", fmt.Sprintf(`import os

from agents import Agent, Runner, set_default_openai_client, set_tracing_disabled
from openai import AsyncOpenAI

set_default_openai_client(AsyncOpenAI(base_url=%q, api_key=os.environ.get(%q, %q)))
set_tracing_disabled(True)

print(Runner.run_sync(Agent(name="counter", model=%q), "Count to 5").final_output)
`, g.URL+"/v1", KeyVariable, NoKey, g.Coding)}}
}

func langChain(g *Gateway) Settings {
	return Settings{Sample: &File{"ask.py", fmt.Sprintf(`import os

from langchain_openai import ChatOpenAI

model = ChatOpenAI(base_url=%q, api_key=os.environ.get(%q, %q), model=%q)

print(model.invoke("Count to 5").content)
`, g.URL+"/v1", KeyVariable, NoKey, g.Coding)}}
}

func liteLLM(g *Gateway) Settings {
	return Settings{Sample: &File{"ask.py", fmt.Sprintf(`import os

import litellm

reply = litellm.completion(
    model=%q,
    api_base=%q,
    api_key=os.environ.get(%q, %q),
    messages=[{"role": "user", "content": "Count to 5"}],
)

print(reply.choices[0].message.content)
`, "anthropic/"+g.Coding, g.URL, KeyVariable, NoKey)}}
}

func aiSDK(g *Gateway) Settings {
	return Settings{Sample: &File{"ask.mjs", fmt.Sprintf(`import { createAnthropic } from '@ai-sdk/anthropic'
import { generateText } from 'ai'

const qwenvoy = createAnthropic({ baseURL: %q, apiKey: process.env.%s ?? %q })

console.log((await generateText({ model: qwenvoy(%q), prompt: 'Count to 5' })).text)
`, g.URL+"/v1", KeyVariable, NoKey, g.Coding)}}
}
