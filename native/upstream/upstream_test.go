package upstream

import (
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

func TestV1AtTheEndOfAnAddressIsCutOff(t *testing.T) {
	for _, test := range []struct{ url, target, want string }{
		{"http://h:8000", "/v1/models", "/v1/models"},
		{"http://h:8000/v1", "/v1/models", "/v1/models"},
		{"http://h:8000/v1/", "/tokenize", "/tokenize"},
		{"http://h:8000/vllm/v1//", "/v1/models?a", "/vllm/v1/models?a"},
		{"http://h:8000/v1?key=x", "/tokenize", "/tokenize?key=x"},
		{"http://h:8000/dev1", "/v1/models", "/dev1/v1/models"},
		{"http://h:8000/v1/v1", "/v1/models", "/v1/v1/models"},
		{"http://h:8000/v1/prefix", "/v1/models", "/v1/prefix/v1/models"},
	} {
		c, err := New(test.url, config.Timeouts{})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Target(test.target); got != test.want {
			t.Errorf("%s: %s became %s, want %s", test.url, test.target, got, test.want)
		}
	}
}
