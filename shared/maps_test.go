package shared_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A package's comment is the map of its folder. These tests hold what it says to what is there.

// comments are the packages' comments by their rooms.
func comments(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	sources(t, func(room, name string, _ *token.FileSet, _ *ast.File) {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		all[room] += file.Doc.Text()
	})
	return all
}

// saysItImports finds the sentence of a room's comment that says what the room imports.
var saysItImports = regexp.MustCompile(`(?s)\b(?:[Ii]t|[Tt]he package|[Tt]his package)\s+imports\b([^.]*)\.`)

func TestARoomOfTheCoreSaysWhatItImports(t *testing.T) {
	imports := map[string][]string{}
	sources(t, func(room, _ string, _ *token.FileSet, file *ast.File) {
		for _, i := range file.Imports {
			if own, ok := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), module+"shared/"); ok && !slices.Contains(imports[room], path.Base(own)) {
				imports[room] = append(imports[room], path.Base(own))
			}
		}
	})
	all := comments(t)
	for room, comment := range all {
		if !strings.HasPrefix(room, "shared/") {
			continue
		}
		sentence := saysItImports.FindStringSubmatch(comment)
		if sentence == nil {
			t.Errorf("the comment of %s does not say what the package imports", room)
			continue
		}
		for other := range all {
			name := path.Base(other)
			if !strings.HasPrefix(other, "shared/") || other == room {
				continue
			}
			said := regexp.MustCompile(`\b` + name + `\b`).MatchString(sentence[1])
			if does := slices.Contains(imports[room], name); said != does {
				t.Errorf("%s imports %s: the comment says %t, the code %t", room, name, said, does)
			}
		}
	}
}

// fileName finds the names of files in a comment, and patterns of them: redis*.go.
var fileName = regexp.MustCompile(`\b[\w*]+\.go\b`)

// A comment with a list of files, one at the beginning of each line, knows all files.
func TestAListOfFilesNamesTheFilesThatAreThere(t *testing.T) {
	for room, comment := range comments(t) {
		if !slices.ContainsFunc(entries(comment), func(e string) bool { return strings.HasSuffix(e, ".go") }) {
			continue
		}
		named := fileName.FindAllString(comment, -1)
		there, err := os.ReadDir("../" + room)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range there {
			n := f.Name()
			if strings.HasSuffix(n, ".go") && !strings.HasSuffix(n, "_test.go") && n != "doc.go" && !slices.ContainsFunc(named, func(pattern string) bool { return matches(pattern, n) }) {
				t.Errorf("the comment of %s lists its files, but not %s", room, n)
			}
		}
		for _, n := range named {
			if !slices.ContainsFunc(there, func(f os.DirEntry) bool { return matches(n, f.Name()) }) {
				t.Errorf("the comment of %s names %s, which is not there", room, n)
			}
		}
	}
}

func matches(pattern, name string) bool {
	ok, _ := path.Match(pattern, name)
	return ok
}

// A comment with a list of rooms, such as "native/store  where …", knows all below its own.
func TestAListOfRoomsNamesTheRoomsThatAreThere(t *testing.T) {
	all := comments(t)
	for room, comment := range all {
		list := slices.DeleteFunc(entries(comment), func(e string) bool { return !strings.HasPrefix(e, room+"/") })
		if len(list) == 0 {
			continue
		}
		for other := range all {
			if path.Dir(other) == room && !slices.Contains(list, other) {
				t.Errorf("the comment of %s lists rooms, but not %s", room, other)
			}
		}
		for _, e := range list {
			if i, err := os.Stat("../" + e); err != nil || !i.IsDir() {
				t.Errorf("the comment of %s lists %s, which is not there", room, e)
			}
		}
	}
}

// entries are what the indented lines of a comment begin with, up to two blanks.
func entries(comment string) (list []string) {
	for line := range strings.Lines(comment) {
		if entry, indented := strings.CutPrefix(line, "\t"); indented {
			if names, _, told := strings.Cut(entry, "  "); told {
				list = append(list, strings.Split(names, ", ")...)
			}
		}
	}
	return list
}
