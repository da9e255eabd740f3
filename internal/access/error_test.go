package access

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
)

// Every reason must be documented, and every operation must have a verb.
func TestReasonsAreDocumented(t *testing.T) {
	document, err := os.ReadFile("../../docs/11-troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "error.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	reasons := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Reason" {
			reasons++
			text, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if !strings.Contains(string(document), "`"+text+"`") {
				t.Errorf("docs/11-troubleshooting.md lacks the reason %s", text)
			}
		}
		return true
	})
	if reasons < 20 {
		t.Errorf("%d reasons are declared", reasons)
	}
	for _, op := range []string{"get", "getnext", "walk", "connect", "discover"} {
		if text := (&Error{Op: op, Target: "x", Err: io.EOF}).Error(); !strings.HasPrefix(text, "error "+doing[op]+" target x") || doing[op] == "" {
			t.Errorf("%s: %s", op, text)
		}
	}
}
