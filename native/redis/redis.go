package redis

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	// stepTimeout is for one step on the network: to connect, to send, to receive.
	stepTimeout = 2 * time.Second
	// callTimeout is for a call and its answer, a new connection included.
	callTimeout = 4 * time.Second
)

// Client is a pool of connections to one server. Its methods may be called at the same
// time, and return an *Error, or the context's.
type Client struct {
	client *redis.Client
	close  sync.Once
	closed chan struct{}
	ended  sync.WaitGroup
}

// go-redis logs to standard error what its calls return as errors anyway.
var quiet = sync.OnceFunc(logging.Disable)

// CheckURL tells what is wrong with a URL that Open would not take.
func CheckURL(url string) error {
	_, err := parse(url)
	return err
}

func parse(url string) (*redis.Options, error) {
	options, err := redis.ParseURL(url)
	if err != nil || !strings.Contains(url, "://") { // redis:host would be localhost
		// Without the cause, which may show the password.
		return nil, errors.New("the Redis URL is not valid: redis://[user:password@]host:port/database is wanted (rediss:// for TLS)")
	}
	if _, port, err := net.SplitHostPort(options.Addr); err == nil && options.Network == "tcp" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, errors.New("the Redis URL is not valid: its port is 1 to 65535")
		}
	}
	return options, nil
}

// Open makes a client of redis://[user:password@]host:port/database, rediss:// for TLS, or
// unix://[user:password@]/path?db=number. It connects when it is first used.
func Open(url string) (*Client, error) {
	options, err := parse(url)
	if err != nil {
		return nil, err
	}
	quiet()
	timeout := func(d *time.Duration) {
		if *d == 0 {
			*d = stepTimeout
		}
	}
	timeout(&options.DialTimeout)
	timeout(&options.ReadTimeout)
	timeout(&options.WriteTimeout)
	timeout(&options.PoolTimeout)
	options.DialerRetries = 1
	options.MaxRetries = -1 // a write whose answer was lost may have been done
	options.ContextTimeoutEnabled = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return &Client{client: redis.NewClient(options), closed: make(chan struct{})}, nil
}

// Close ends the listening and gives up the connections.
func (c *Client) Close() (err error) {
	c.close.Do(func() {
		close(c.closed)
		c.ended.Wait()
		err = c.client.Close()
	})
	return err
}

// Ping reports whether the server answers.
func (c *Client) Ping(ctx context.Context) error {
	return c.call(ctx, func(ctx context.Context) error { return c.client.Ping(ctx).Err() })
}

// Fields reads fields of a hash, as many values as names: nil for what isn't there.
func (c *Client) Fields(ctx context.Context, key string, names ...string) (values []any, err error) {
	err = c.call(ctx, func(ctx context.Context) (err error) {
		values, err = c.client.HMGet(ctx, key, names...).Result()
		return err
	})
	if err == nil && len(values) != len(names) {
		err = ErrAnswer
	}
	return values, err
}

// call limits a call's time and says what its error means to callers.
func (c *Client) call(ctx context.Context, do func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-c.closed:
		return errClosed
	default:
	}
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := do(limited)
	if err == nil || err == redis.Nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errorOf(err)
}
