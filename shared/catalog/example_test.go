package catalog_test

import (
	"fmt"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// A name that a client asks for stands for a virtual model: a profile and a target.
func ExampleCatalog() {
	cfg, err := config.Decode([]byte(`{
		"upstreams": [{"name": "local", "model": "Qwen/Qwen3.5-397B-A17B-FP8"}],
		"models": [{"name": "house", "profile": "instruct-general", "aliases": ["default", "team-*"]}]
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := catalog.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"house", "team-red", "claude-sonnet-4-5", "unknown"} {
		m := c.Resolve([]byte(name))
		if m == nil {
			fmt.Printf("%s: no such model\n", name)
			continue
		}
		fmt.Printf("%s: %s, %s %s with thinking, %s without\n", name, m.Name, catalog.SamplingKeys[0], m.On[0], m.Off[0])
	}
	for _, name := range c.Listed() {
		fmt.Println(name)
	}
	// Output:
	// house: house, temperature 0.7 with thinking, 0.7 without
	// team-red: house, temperature 0.7 with thinking, 0.7 without
	// claude-sonnet-4-5: qwen3.5-thinking-coding, temperature 0.6 with thinking, 0.7 without
	// unknown: no such model
	// qwen3.5-thinking-general
	// qwen3.5-thinking-coding
	// qwen3.5-instruct-general
	// qwen3.5-instruct-reasoning
	// qwen-thinking-general
	// qwen-thinking-coding
	// qwen-instruct-general
	// qwen-instruct-reasoning
	// house
	// Qwen/Qwen3.5-397B-A17B-FP8
	// default
}
