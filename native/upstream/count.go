package upstream

import (
	"context"
	"io"
	"time"

	"github.com/tidwall/gjson"
)

const (
	countTimeout = 10 * time.Second
	// countHead is as much of an answer as holds the count and the window: they come first, and
	// behind them stand all tokens, megabytes for a long prompt.
	countHead = 4 << 10
)

// Count asks the upstream's /tokenize how many tokens the prompt of a chat request has, and
// what the model's context window is; 0 for what is not said. It takes the request as it went to
// the chat route: what says nothing of the prompt is ignored there.
func (c *Client) Count(ctx context.Context, chat *Request) (tokens, window int) {
	ctx, cancel := context.WithTimeout(ctx, countTimeout)
	defer cancel()
	r := *chat
	r.Target = "/tokenize"
	reply, err := c.Send(ctx, &r)
	if err != nil {
		return 0, 0
	}
	defer reply.Close()
	head, err := io.ReadAll(io.LimitReader(reply, countHead))
	if err != nil || reply.Status != 200 {
		return 0, 0
	}
	number := func(key string) int { return int(max(0, gjson.GetBytes(head, key).Int())) }
	return number("count"), number("max_model_len")
}
