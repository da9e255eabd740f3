package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"trapline/internal/programtest"
)

// logged is a constant message of the log, and the names of its attributes.
type logged struct{ level, message, attributes string }

func TestReferenceOfLogMessages(t *testing.T) {
	found := map[logged]bool{}
	for _, dir := range []string{"cmd/trapline", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, text, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if l, ok := loggedBy(call); ok {
						found[l] = true
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	b.WriteString(logPreface)
	order := slices.SortedFunc(maps.Keys(found), func(a, b logged) int {
		return cmp.Or(strings.Compare(a.level, b.level), strings.Compare(strings.ToLower(a.message), strings.ToLower(b.message)), strings.Compare(a.attributes, b.attributes))
	})
	for _, l := range order {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", l.level, programtest.Cell(l.message), l.attributes)
	}
	programtest.WantReference(t, "log.md", b.String())
}

const logPreface = `# Log messages

Made by ` + "`make docs`" + ` from the source. Messages are constant; what varies is in the attributes. What happens to alarms and
notifications is logged as

` + "```text" + `
level=INFO msg="alarm raised" rule=InterfaceDown target=core-1 resource=ifName=Gi0/3 severity=major alarm=9f2c… text="…"
level=INFO msg="notification acknowledged" receiver=nms-1 kind=raise alarm=9f2c… event=4a1c-41-8810 took=34ms tries=1
level=INFO msg="alarm cleared" rule=InterfaceDown target=core-1 alarm=9f2c… after=4m12s
` + "```" + `

and "alarm changed", "notification sent" (of traps). Of more than twenty such lines in a second, one counts the rest.

| level | message | attributes |
|---|---|---|
`

// loggedBy returns the message of a call, if it logs a constant one.
func loggedBy(call *ast.CallExpr) (l logged, ok bool) {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) == 0 {
		return l, false
	}
	switch f.Sel.Name {
	case "Info", "Warn", "Error":
		l.level = strings.ToUpper(f.Sel.Name)
	default:
		return l, false
	}
	if l.message, ok = literal(call.Args[0]); !ok {
		return l, false
	}
	var names []string
	for _, arg := range call.Args[1:] {
		if name, ok := literal(arg); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	l.attributes = strings.Join(names, ", ")
	return l, true
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}
