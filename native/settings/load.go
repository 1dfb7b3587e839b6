package settings

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"strings"

	"github.com/qwenvoy/qwenvoy/native/certificate"
	"github.com/qwenvoy/qwenvoy/native/redis"
	"github.com/qwenvoy/qwenvoy/native/upstream"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/gateway"
)

// DefaultTarget is the upstream where none is named.
const DefaultTarget = "http://127.0.0.1:8000"

// systemdFolders is set by systemd where a unit has a StateDirectory.
const systemdFolders = "STATE_DIRECTORY"

// Load gathers the configuration and checks all of it. The error, config.Errors, holds each
// fault with the file and line, the flag or the variable that it comes from. env is
// os.LookupEnv; an empty variable counts as absent.
func Load(f *Flags, env func(string) (string, bool)) (*config.Config, error) {
	g, err := load(f, env, env)
	if err != nil {
		return nil, err
	}
	return g.config, nil
}

// LoadFile is Load of a file alone, since flags and variables of the moment would hide its
// faults. env has the variables that the file itself names.
func LoadFile(path string, env func(string) (string, bool)) (*config.Config, error) {
	g, err := load(&Flags{Config: &path}, func(string) (string, bool) { return "", false }, env)
	if err != nil {
		return nil, err
	}
	return g.config, nil
}

// HasTarget tells whether a flag, a variable or the file says which server is upstream.
func HasTarget(f *Flags, env func(string) (string, bool)) bool {
	_, given := gather(f, env, env).where["upstreams[0].url"]
	return given
}

func load(f *Flags, env, named func(string) (string, bool)) (*gathering, error) {
	g := gather(f, env, named)
	c := g.config
	if u := upstreamOf(c); u.URL == "" {
		u.URL = DefaultTarget
	}
	if c.Store.Folder == "" && c.Store.Redis == "" {
		folders, _ := env(systemdFolders)
		if c.Store.Folder, _, _ = strings.Cut(folders, ":"); c.Store.Folder != "" {
			g.where["store.folder"] = systemdFolders
		}
	}
	c.Log.Level = strings.ToUpper(c.Log.Level)
	listen := g.takeListen()
	_, err := gateway.New(c, gateway.Edge{LearnsModel: true, Several: true})
	if err := config.Join(g.errs.Err(), err, listen, check(c)); err != nil {
		return nil, g.locate(err)
	}
	return g, nil
}

// gather puts the sources together, without a look at what they say.
func gather(f *Flags, env, named func(string) (string, bool)) *gathering {
	g := &gathering{config: config.Default(), file: f.File(env), where: map[string]string{}, ranks: map[string]rank{}}
	if g.file != "" {
		g.takeFile(named)
	}
	if len(g.config.Upstreams) == 0 {
		g.config.Upstreams = []config.Upstream{{Name: "default"}}
	}
	for i := range settings {
		g.take(&settings[i], f, env)
	}
	return g
}

// check is what the binary alone asks of a configuration.
func check(c *config.Config) error {
	var errs config.Errors
	for i := range c.Upstreams {
		if _, err := upstream.Parse(c.Upstreams[i].URL); err != nil {
			errs.Add(fmt.Sprintf("upstreams[%d].url", i), "%v", err)
		}
	}
	if c.TLS.Cert != "" && c.TLS.Key != "" {
		_, err := certificate.Read(&c.TLS)
		var faults config.Errors
		errors.As(err, &faults)
		errs = append(errs, faults...)
	}
	if c.Store.Redis != "" {
		if err := redis.CheckURL(c.Store.Redis); err != nil {
			errs.Add("store.redis", "%v", err)
		}
	}
	return errs.Err()
}

// A gathering is a configuration that is put together of several sources.
type gathering struct {
	config *config.Config
	file   string
	where  map[string]string // by path, what gave a value
	ranks  map[string]rank   // by path, where more than the default did
	errs   config.Errors
}

// rank orders the sources of values: a higher one goes before a lower one.
type rank int

const (
	byDefault rank = iota
	byFile
	byOldVariable
	byVariable
	byFlag
)

// takeFile decodes the file. env has the variables that it names.
func (g *gathering) takeFile(env func(string) (string, bool)) {
	text, err := readFile(g.file)
	if err != nil {
		g.errs = append(g.errs, &config.Error{Where: g.file, Text: err.Error()})
		return
	}
	d := parse(text)
	for path, line := range d.lines {
		g.where[path] = fmt.Sprintf("%s:%d", g.file, line)
		g.ranks[path] = byFile
	}
	for _, fault := range d.faults {
		where := g.file
		if fault.line > 0 {
			where = fmt.Sprintf("%s:%d", g.file, fault.line)
		}
		g.errs = append(g.errs, &config.Error{Where: where, Path: fault.path, Text: fault.text})
	}
	if d.json != nil {
		decoded := config.DecodeInto(g.config, d.json, env)
		var errs config.Errors
		if errors.As(decoded, &errs) {
			g.errs = append(g.errs, errs...)
		}
		_ = g.locate(g.errs) // before flags and variables take a path over
	}
}

// take takes a flag or variable over.
func (g *gathering) take(s *setting, f *Flags, env func(string) (string, bool)) {
	value, source, rank := s.given(f, env)
	if source == "" {
		return
	}
	maps.DeleteFunc(g.where, func(path, _ string) bool { return strings.HasPrefix(path, s.path+"[") })
	g.where[s.path], g.ranks[s.path] = source, rank
	if fault := s.set(g.config, value); fault != nil {
		fault.Where = source
		g.errs = append(g.errs, fault)
	}
}

// locate says of each fault where the value, or that which should hold it, was given.
func (g *gathering) locate(err error) error {
	var errs config.Errors
	errors.As(err, &errs)
	for _, fault := range errs {
		path := fault.At()
		for fault.Where == "" {
			if where, ok := g.where[path]; ok {
				fault.Where = where
			} else if i := strings.LastIndexAny(path, ".["); i >= 0 {
				path = path[:i]
			} else if path != "" {
				path = ""
			} else if fault.Where = g.file; g.file == "" {
				break
			}
		}
	}
	return err
}

// readFile reads a configuration's text, and no more of a file than that may have.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, config.MaxText+1))
	if err != nil {
		return nil, withoutPath(err)
	}
	if len(text) > config.MaxText {
		return nil, fmt.Errorf("the file has more than %d bytes, which no configuration has", config.MaxText)
	}
	return text, nil
}

// withoutPath is the cause of an error, for where the path is said anyway.
func withoutPath(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}
