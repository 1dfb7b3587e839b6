"""litellm_loop.py URL: runs loops of tools through LiteLLM's provider for Anthropic, as its users write
one: what the model said goes back as the message that LiteLLM made of it. The input is a list of tasks,
each a JSON object of model, system, prompt, stream, thinking (absent for a client that says nothing of
it) and results, by city. It prints a list: of each the last text, and what LiteLLM took for thinking in
each step."""

import json
import sys

import litellm

# It would print hints about names that it doesn't know.
litellm.suppress_debug_info = True

tools = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["city"],
            },
        },
    }
]


def answer(task, messages):
    reply = litellm.completion(
        model="anthropic/" + task["model"],
        api_base=sys.argv[1],
        api_key="sk-agents",
        messages=messages,
        tools=tools,
        max_tokens=4000,
        num_retries=0,
        stream=task["stream"],
        # LiteLLM knows Anthropic's own names only, and doubts that others think.
        allowed_openai_params=["thinking"],
        **({"thinking": task["thinking"]} if "thinking" in task else {}),
    )
    if task["stream"]:
        reply = litellm.stream_chunk_builder(list(reply), messages=messages)
    return reply.choices[0].message


def loop(task):
    messages = [{"role": "system", "content": task["system"]}, {"role": "user", "content": task["prompt"]}]
    thinking = []
    for _ in range(4):
        message = answer(task, messages)
        thinking.append(message.get("reasoning_content") or "")
        messages.append(message.model_dump())
        if not message.tool_calls:
            break
        for call in message.tool_calls:
            city = json.loads(call.function.arguments)["city"]
            messages.append({"role": "tool", "tool_call_id": call.id, "content": task["results"][city]})
    return {"text": message.content, "thinking": thinking}


json.dump([loop(task) for task in json.load(sys.stdin)], sys.stdout)
