package trapline

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// wornOut are words that no text for a user has, with the reason. Each is a regular expression of whole words.
var wornOut = []struct{ words, instead string }{
	{`tell|tells|told|telling`, "a program reports, logs, returns or sends"},
	{`what is wrong`, "name the error"},
	{`(that )?there (are|is) not`, "unknown, or does not exist"},
	{`mistakes?`, "error: the reader may have made none"},
	{`learnt|learns`, "measured or cached: where the value comes from"},
	{`what came was|what comes`, "name it: the answer, the datagram, the rows"},
	{`(is|are) said to be`, "is reported as"},
	{`confirms|confirmed`, "a receiver acknowledges (RFC 3416)"},
	{`in part`, "incomplete"},
	{`passes`, "polls, or evaluations"},
}

// frequent bounds words per 10,000 in comments: the words of the standard library are frequent there, others rare.
var frequent = []struct {
	words    []string
	min, max float64
}{
	{[]string{"what"}, 0, 20},
	{[]string{"gives"}, 0, 5},
	{[]string{"tell", "tells", "told"}, 0, 2},
	{[]string{"returns"}, 25, 10000},
}

// eachFile calls f with the path and the text of each file of this project that has one of the extensions.
func eachFile(t *testing.T, extensions []string, f func(name string, text []byte)) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (slices.Contains([]string{"node_modules", "testdata", "vendor", "dist"}, d.Name()) || strings.HasPrefix(d.Name(), ".") && name != "."):
			return fs.SkipDir
		case d.IsDir() || !slices.Contains(extensions, filepath.Ext(name)):
			return nil
		}
		text, err := os.ReadFile(name)
		if err == nil {
			f(name, text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCommentsUseTheWordsOfTheStandardLibrary(t *testing.T) {
	word := regexp.MustCompile(`[a-z']+`)
	total, counts := 0, map[string]int{}
	eachFile(t, []string{".go"}, func(name string, text []byte) {
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range file.Comments {
			for _, w := range word.FindAllString(strings.ToLower(group.Text()), -1) {
				total++
				counts[w]++
			}
		}
	})
	t.Logf("%d words in comments", total)
	for _, f := range frequent {
		n := 0
		for _, w := range f.words {
			n += counts[w]
		}
		share := float64(n) / float64(total) * 10000
		t.Logf("%-20s %6.1f in 10,000", strings.Join(f.words, ", "), share)
		if share < f.min || share > f.max {
			t.Errorf("%v: %.1f in 10,000 words of comments, want %v to %v", f.words, share, f.min, f.max)
		}
	}
}

func TestNoTextHasWornOutWords(t *testing.T) {
	var words []*regexp.Regexp
	for _, w := range wornOut {
		words = append(words, regexp.MustCompile(`(?i)\b(`+w.words+`)\b`))
	}
	check := func(where, text string) {
		for i, w := range words {
			if found := w.FindString(text); found != "" {
				t.Errorf("%s: %q: %s", where, found, wornOut[i].instead)
			}
		}
	}
	eachFile(t, []string{".go"}, func(name string, text []byte) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Field: // a tag is a name in the database or in an answer
				n.Tag = nil
			case *ast.BasicLit:
				if n.Kind == token.STRING {
					text, _ := strconv.Unquote(n.Value)
					check(fset.Position(n.Pos()).String(), text)
				}
			}
			return true
		})
	})
	eachFile(t, []string{".md", ".html", ".yml", ".yaml", ".js", ".sh"}, func(name string, text []byte) {
		if strings.HasPrefix(name, "profiles/") {
			return // the names of vendors' objects and their values are facts
		}
		for i, line := range strings.Split(string(text), "\n") {
			check(name+":"+strconv.Itoa(i+1), line)
		}
	})
}
