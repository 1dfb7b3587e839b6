package clients

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Launch is one run of a client with settings of its own.
type Launch struct {
	// Args stand behind the program.
	Args []string
	// Env is its environment.
	Env []string
}

// Launch writes the client's settings into a folder that is this run's own, and gives what it is
// started with. key is the client's, "" for none; environ is the environment that it is added to.
func (c *Client) Launch(g *Gateway, folder, key string, args, environ []string) (*Launch, error) {
	settings, private := c.Settings(g), c.private(g, folder)
	for _, f := range private.Files {
		if err := os.WriteFile(filepath.Join(folder, f.Path), []byte(f.Text), 0o600); err != nil {
			return nil, err
		}
	}
	variables := slices.Concat(settings.Variables, private.Variables)
	env := slices.DeleteFunc(slices.Clone(environ), func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		return slices.Contains(settings.Unset, name) || slices.ContainsFunc(variables, func(v Variable) bool { return v.Name == name })
	})
	for _, v := range variables {
		value := v.Value
		if v.Key {
			value = cmp.Or(key, NoKey)
		}
		env = append(env, v.Name+"="+value)
	}
	return &Launch{Args: slices.Concat(private.Args, args), Env: env}, nil
}
