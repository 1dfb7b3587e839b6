package settings

import (
	"net/url"

	"github.com/qwenvoy/qwenvoy/native/logging"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// RedactedURL is a URL without what it may hold of keys; "" for what is no URL.
func RedactedURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return logging.URI(u.Redacted())
}

// ShownStore says where a store is, without what a URL may hold of keys.
func ShownStore(c *config.Config) string {
	switch {
	case c.Store.Redis != "":
		return RedactedURL(c.Store.Redis)
	case c.Store.Folder != "":
		return c.Store.Folder
	}
	return "memory"
}
