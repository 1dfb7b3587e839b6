package vllm

import "fmt"

// An explanation accepts differences between the real server and the simulator: lines
// of the failing test, in each of the questions named. A line that differs no more is a
// failure too, so that the list stays true.
type explanation struct {
	because   string
	questions []string
	lines     []string
}

// The beginning of a chat stream's event, and the end of its last.
const (
	delta = "event {} .id=chatcmpl-# .object=chat.completion.chunk .created:Number .model=" + real + " .choices[1] .choices[]{} .choices[].index=0 .choices[].delta{}"
	end   = " .choices[].logprobs:Null .choices[].finish_reason=stop .choices[].stop_reason:Null .choices[].token_ids:Null .system_fingerprint=vllm-0.32.0-#"
)

var explained = []explanation{
	{"where tools are forbidden the model calls one all the same and vLLM drops the call; the simulator answers in words",
		[]string{"tool forbidden"},
		[]string{
			`- .choices[].message.content="\n\n"`,
			`+ .choices[].message.content="\n\n" text ""`,
		}},
	{"the same in a stream: vLLM has nothing to say but the end",
		[]string{"stream, tool forbidden"},
		[]string{
			"- " + delta + " .choices[].delta.content:String" + end,
			"+ " + delta + " .choices[].delta.content:String .choices[].logprobs:Null .choices[].finish_reason:Null .choices[].token_ids:Null",
			"+ " + delta + end,
			`- choice 0 delta.content "\n\n"`,
			`+ choice 0 delta.content "\n\n" text ""`,
		}},
	{"vLLM shows what its parser of regular expressions says",
		[]string{"broken regular expression"},
		[]string{
			"- .error.message=Grammar error: at 1(8): invalid regex \"(\" (in regex): regex parse error:\n    (\n    ^\nerror: unclosed group\n   1 | start: /(/\n              ^",
			`+ .error.message=Grammar error: invalid regex "("`,
		}},
	{"Go's server sends no chunks to a client of HTTP/1.0, vLLM's does",
		[]string{"stream to HTTP/1.0"},
		[]string{
			"- header Transfer-Encoding: chunked",
			"- each chunk is one event of one data line",
		}},
	{"the likelihoods of a prompt's tokens, which the simulator does not make up",
		[]string{"completion with echo and logprobs"},
		[]string{
			"- .choices[].prompt_logprobs[2]",
			"- .choices[].prompt_logprobs[]:Null",
			"+ .choices[].prompt_logprobs:Null",
		}},
}

// explanations gathers the lines by question.
func explanations() (map[string][]string, error) {
	all := map[string][]string{}
	for _, e := range explained {
		if e.because == "" || len(e.lines) == 0 || len(e.questions) == 0 {
			return nil, fmt.Errorf("an explanation needs a reason, lines and questions: %+v", e)
		}
		for _, q := range e.questions {
			all[q] = append(all[q], e.lines...)
		}
	}
	return all, nil
}
