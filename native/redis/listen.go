package redis

import "context"

// Listen calls heard with each message that is published in a channel from now on, until
// the client is closed. It connects again by itself; what is published meanwhile is lost.
func (c *Client) Listen(channel string, heard func(message string)) {
	sub := c.client.Subscribe(context.Background(), channel)
	messages := sub.Channel()
	c.ended.Go(func() {
		defer func() { _ = sub.Close() }()
		for {
			select {
			case m := <-messages:
				heard(m.Payload)
			case <-c.closed:
				return
			}
		}
	})
}
