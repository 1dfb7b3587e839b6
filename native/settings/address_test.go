package settings

import (
	"strings"
	"testing"
)

// Each form that people write, wherever it stands, is one address.
func TestAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1":                  "127.0.0.1:9000",
		"127.0.0.1:9443":             "127.0.0.1:9443",
		"0.0.0.0:9443":               "0.0.0.0:9443",
		":9443":                      ":9443",
		"*:9443":                     ":9443",
		"*":                          ":9000",
		"9443":                       "127.0.0.1:9443",
		"localhost":                  "localhost:9000",
		"localhost:9443":             "localhost:9443",
		"gw.example.com:9443":        "gw.example.com:9443",
		"::1":                        "[::1]:9000",
		"::":                         "[::]:9000",
		"[::1]":                      "[::1]:9000",
		"[::1]:9443":                 "[::1]:9443",
		"[fe80::1%eth0]:9443":        "[fe80::1%eth0]:9443",
		"http://127.0.0.1:9443":      "127.0.0.1:9443",
		"http://127.0.0.1:9443/":     "127.0.0.1:9443",
		"http://localhost":           "localhost:9000",
		"http://[::1]:9443":          "[::1]:9443",
		"unix:/run/qwenvoy.sock":     "unix:/run/qwenvoy.sock",
		"unix:///run/qwenvoy.sock":   "unix:/run/qwenvoy.sock",
		"unix:qwenvoy.sock":          "unix:qwenvoy.sock",
		"unix:":                      "",
		"unix:@abstract":             "",
		"unix:/" + long:              "",
		"systemd":                    "",
		"127.0.0.1:0":                "",
		"127.0.0.1:http":             "",
		"127.0.0.1:99999":            "",
		"127.0.0.1:":                 "",
		"127.0.0.1:-1":               "",
		"99999":                      "",
		"[::1":                       "",
		"[::1]]":                     "",
		"a b":                        "",
		"[]":                         "",
		"http://":                    "",
		"http:///":                   "",
		"http://127.0.0.1:9443/v1":   "",
		"http://u@127.0.0.1:9443":    "",
		"ftp://127.0.0.1:9443":       "",
		"http://http://127.0.0.1:90": "",
	} {
		for _, given := range []struct {
			flags Flags
			env   []string
		}{
			{flags: Flags{Listen: &text}},
			{env: []string{"QWENVOY_LISTEN", text}},
			{flags: Flags{Config: file(t, "listen: '"+text+"'\n")}},
			{flags: Flags{Config: file(t, "listen: "+text+"\n")}},
		} {
			given.flags.ServedModel = ptr("m")
			c, err := Load(&given.flags, env(given.env...))
			switch {
			case given.flags.Config != nil && (strings.ContainsAny(text[:1], "[*") || strings.HasSuffix(text, ":")) && err != nil: // what YAML means by it without quotes
			case want == "" && err == nil:
				t.Errorf("%s is taken for %s", text, AddressOf(c))
			case want == "":
				if !strings.Contains(err.Error(), ": listen: ") {
					t.Errorf("%s: %v", text, err)
				}
			case err != nil:
				t.Errorf("%s: %v", text, err)
			case AddressOf(c).String() != want:
				t.Errorf("%s is %s, want %s", text, AddressOf(c), want)
			}
		}
	}
}

var long = strings.Repeat("long", 30)

func TestTwoPortsOfOneSourceAreAFault(t *testing.T) {
	path := file(t, "port: 9001\nlisten: :9002\n")
	want := *path + ":1: port: 9001 is not allowed here, since listen names the port 9002: leave one of the two out"
	if _, err := Load(&Flags{Config: path, ServedModel: ptr("m")}, env()); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// Of two ports the one of the source that goes before counts.
func TestTheHigherSourcesPortCounts(t *testing.T) {
	both := "listen: 127.0.0.1:1\nport: 1\n"
	for _, tt := range []struct {
		name  string
		flags Flags
		env   []string
		want  string
	}{
		{"the same twice", Flags{Config: file(t, both)}, nil, "127.0.0.1:1"},
		{"a flag over the file's", Flags{Config: file(t, both), Port: ptr("2")}, nil, "127.0.0.1:2"},
		{"a flag over the file's port", Flags{Config: file(t, both), Listen: ptr(":2")}, nil, ":2"},
		{"a flag without a port", Flags{Config: file(t, both), Listen: ptr("::1")}, nil, "[::1]:1"},
		{"a flag over a variable", Flags{Listen: ptr(":2")}, []string{"QWENVOY_PORT", "3"}, ":2"},
		{"a variable over an old one", Flags{}, []string{"QWENVOY_LISTEN", ":2", "QWEN35RP_PORT", "3"}, ":2"},
		{"a variable's port", Flags{Config: file(t, both)}, []string{"QWENVOY_PORT", "3"}, "127.0.0.1:3"},
		{"a socket has none", Flags{Config: file(t, both), Listen: ptr("unix:/s"), Port: ptr("3")}, nil, "unix:/s"},
		{"a flag over a socket", Flags{Config: file(t, "listen: unix:/s\n"), Listen: ptr("localhost")}, nil, "localhost:9000"},
	} {
		tt.flags.ServedModel = ptr("m")
		c, err := Load(&tt.flags, env(tt.env...))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if got := AddressOf(c).String(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestWhichAddressesAreThisMachines(t *testing.T) {
	for text, want := range map[string]bool{
		"127.0.0.1:9": true, "localhost": true, "[::1]:9": true, "unix:/s": true, "9": true,
		"0.0.0.0": false, ":9": false, "*": false, "[::]:9": false, "192.168.1.5": false, "gw.example.com:9": false,
	} {
		if a, fault := ParseAddress(text); fault != nil || a.Loopback() != want {
			t.Errorf("%s: %v, %v", text, a.Loopback(), fault)
		}
	}
}
