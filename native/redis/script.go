package redis

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Script is a text in Lua.
type Script struct {
	script *redis.Script
}

// NewScript makes a script of its text.
func NewScript(text string) *Script { return &Script{redis.NewScript(text)} }

// Run returns what the script answered: an int64, a string, a []any of these, or nil.
func (c *Client) Run(ctx context.Context, s *Script, keys []string, args ...any) (answer any, err error) {
	err = c.call(ctx, func(ctx context.Context) (err error) {
		answer, err = s.script.Run(ctx, c.client, keys, args...).Result()
		return err
	})
	return answer, err
}

// List runs a script that answers with a list.
func (c *Client) List(ctx context.Context, s *Script, keys []string, args ...any) ([]any, error) {
	answer, err := c.Run(ctx, s, keys, args...)
	if err != nil {
		return nil, err
	}
	list, ok := answer.([]any)
	if !ok {
		return nil, ErrAnswer
	}
	return list, nil
}

// Text is an element of a list, "" where there is no text.
func Text(list []any, i int) string {
	if i < len(list) {
		s, _ := list[i].(string)
		return s
	}
	return ""
}
