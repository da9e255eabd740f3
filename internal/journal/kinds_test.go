package journal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"trapline/internal/journal"
)

// sources calls use for each file of the module that is no test.
func sources(t *testing.T, use func(path string, file *ast.File)) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err == nil {
			use(path, file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// constants are the kinds that the file event.go names, by their constants.
func constants(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]string{}
	for _, d := range file.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			v := spec.(*ast.ValueSpec)
			if literal, ok := v.Values[0].(*ast.BasicLit); ok && ast.IsExported(v.Names[0].Name) {
				named[v.Names[0].Name], _ = strconv.Unquote(literal.Value)
			}
		}
	}
	return named
}

// Each kind that is written anywhere is a constant of this package, and each of these is in Kinds, once: the API knows
// the others as unknown, and its reference is made of Kinds.
func TestKindsAreAllThatAreWritten(t *testing.T) {
	named := constants(t)
	var all []string
	for _, kind := range named {
		all = append(all, kind)
	}
	if want := slices.Sorted(slices.Values(all)); !slices.Equal(slices.Sorted(slices.Values(journal.Kinds)), want) {
		t.Errorf("Kinds are %q, and the constants are %q", journal.Kinds, want)
	}
	written := map[string]bool{}
	sources(t, func(path string, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if from, ok := n.X.(*ast.Ident); ok && from.Name == "journal" && named[n.Sel.Name] != "" {
					written[n.Sel.Name] = true
				}
			case *ast.CompositeLit:
				if kind := kindOf(n); kind != nil {
					t.Errorf("%s: an entry has the kind %s, which is no constant of package journal", path, kind.Value)
				}
			case *ast.CallExpr:
				if literal := kindIn(n); literal != nil {
					t.Errorf("%s: an entry has the kind %s, which is no constant of package journal", path, literal.Value)
				}
			}
			return true
		})
	})
	for name := range named {
		if !written[name] && name != "Cleared" { // which OfCleared writes
			t.Errorf("no package writes the kind %s", name)
		}
	}
}

// kindOf returns the literal that an entry has for its kind, or nil.
func kindOf(n *ast.CompositeLit) *ast.BasicLit {
	selector, ok := n.Type.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != "Event" {
		return nil
	}
	if from, ok := selector.X.(*ast.Ident); !ok || from.Name != "journal" {
		return nil
	}
	for _, e := range n.Elts {
		if pair, ok := e.(*ast.KeyValueExpr); ok && pair.Key.(*ast.Ident).Name == "Kind" {
			literal, _ := pair.Value.(*ast.BasicLit)
			return literal
		}
	}
	return nil
}

// kindIn returns the literal that a function which makes entries is called with, or nil.
func kindIn(n *ast.CallExpr) *ast.BasicLit {
	selector, ok := n.Fun.(*ast.SelectorExpr)
	if !ok || len(n.Args) == 0 || !slices.Contains([]string{"OfAlarm", "OfActive", "noteEvent", "noteReasons"}, selector.Sel.Name) {
		return nil
	}
	literal, _ := n.Args[0].(*ast.BasicLit)
	return literal
}
