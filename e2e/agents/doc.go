// Package agents drives real coding agents through a gateway in front of a simulated model
// that is steered by their prompts: Codex CLI, Claude Code and Qwen Code, as npm serves them
// (install.sh gets the versions that package-lock.json pins, and a Node for them;
// QWENVOY_AGENTS names the folder). So it does the SDKs for Node, and frameworks that run loops
// of tools themselves: the Claude Agent SDK and the AI SDK, from npm too, and LiteLLM, whose list
// of packages is litellm.txt (QWENVOY_LITELLM names the Python of an environment that has them).
// Clients is the table of all of them; README's is made from it.
//
// A loop is a conversation with an agent: the model reads files, runs commands, edits, and
// answers, over several turns and a resumed session. What is checked is what was done: the
// files, the agent's own report, and every request on both sides of the gateway. An agent hides
// a broken stream by asking again, so the number of requests is exact.
//
// What agents send of themselves (tools, system texts, the order of things) is in testdata.
package agents
