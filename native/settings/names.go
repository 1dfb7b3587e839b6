package settings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/qwenvoy/qwenvoy/native/clients"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// Variable is the variable of a flag.
func Variable(flag string) string { return prefix + upper(flag) }

// Renamed gives flags of earlier versions their names of today, and says which those were.
func Renamed(args []string) (renamed, notes []string) {
	renamed = slices.Clone(args)
	for i, arg := range renamed {
		if arg == "--" {
			break
		}
		flag, value, _ := strings.Cut(arg, "=")
		for j := range settings {
			s := &settings[j]
			if s.earlier == "" || flag != "--"+s.earlier {
				continue
			}
			notes = append(notes, fmt.Sprintf("%s is called --%s now; the earlier name is still read", flag, s.name))
			renamed[i] = "--" + s.name
			if len(value) > 0 {
				renamed[i] += "=" + value
			}
		}
	}
	return renamed, notes
}

// Notes says which QWENVOY_ variables mean nothing, being misspelt mostly, and which have
// another name today. environ is os.Environ.
func Notes(environ []string) (notes []string) {
	known := []string{configVariable, clients.KeyVariable}
	earlier := map[string]string{}
	for i := range settings {
		s := &settings[i]
		known = append(known, s.variable())
		if s.earlierVariable != "" {
			earlier[prefix+s.earlierVariable] = s.variable()
		}
	}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		switch {
		case !strings.HasPrefix(name, prefix), slices.Contains(known, name):
		case earlier[name] != "":
			notes = append(notes, fmt.Sprintf("%s is called %s now; the earlier name is still read", name, earlier[name]))
		case strings.HasPrefix(name, prefix+"SERVICE_"), strings.HasPrefix(name, prefix+"PORT_"), strings.HasPrefix(value, "tcp://"):
			// Kubernetes' service variables
		default:
			notes = append(notes, "the variable "+name+" has no effect"+meant(name, known))
		}
	}
	return notes
}

// meant suggests the variable that one of an unknown name was meant as.
func meant(name string, known []string) string {
	best, changes := config.Closest(name, known)
	if best == "" || changes > len(name[len(prefix):])/2 {
		return ""
	}
	return ", did you mean " + best + "?"
}
