package trapline

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
)

// limit is the size of a room that a reader can survey: files, lines, and files that refer to each other in a circle.
type limit struct{ files, lines, cycle int }

var limits = limit{26, 3500, 12}

// larger are the rooms with limits of their own, not to be raised.
var larger = map[string]limit{
	"internal/rules": {46, 6400, 12}, // evaluator, devices and instances share one lock: docs/decisions/8-packages.md
}

// checker type-checks the packages of this module. Other modules are empty packages: only references within
// the module count here.
type checker struct {
	fset  *token.FileSet
	rooms map[string]*room
}

type room struct {
	pkg   *types.Package
	info  *types.Info
	files []*ast.File
	lines int
}

func newChecker() *checker {
	return &checker{fset: token.NewFileSet(), rooms: map[string]*room{}}
}

func (c *checker) Import(name string) (*types.Package, error) {
	dir, own := strings.CutPrefix(name+"/", "trapline/")
	if !own {
		pkg := types.NewPackage(name, path.Base(name))
		pkg.MarkComplete()
		return pkg, nil
	}
	r, err := c.room(path.Clean(dir))
	if err != nil {
		return nil, err
	}
	return r.pkg, nil
}

func (c *checker) room(dir string) (*room, error) {
	if r := c.rooms[dir]; r != nil {
		return r, nil
	}
	found, err := build.ImportDir(dir, 0)
	if err != nil {
		return nil, err
	}
	r := &room{info: &types.Info{Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}, Defs: map[*ast.Ident]types.Object{}}}
	for _, name := range found.GoFiles {
		file := filepath.Join(dir, name)
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		r.lines += bytes.Count(text, []byte("\n"))
		parsed, err := parser.ParseFile(c.fset, file, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		r.files = append(r.files, parsed)
	}
	config := types.Config{Importer: c, Error: func(error) {}}
	r.pkg, _ = config.Check("trapline/"+dir, c.fset, r.files, r.info)
	c.rooms[dir] = r
	return r, nil
}

// references returns the files of the room that each of its files refers to.
func (r *room) references(fset *token.FileSet) map[string][]string {
	refs := map[string][]string{}
	for _, file := range r.files {
		from := fset.File(file.Pos()).Name()
		refs[from] = nil
		ast.Inspect(file, func(n ast.Node) bool {
			name, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			used := r.info.Uses[name]
			if used == nil || used.Pkg() != r.pkg || !used.Pos().IsValid() {
				return true
			}
			to := fset.File(used.Pos()).Name()
			if to != from && !slices.Contains(refs[from], to) {
				refs[from] = append(refs[from], to)
			}
			return true
		})
	}
	return refs
}

// largestCycle returns the largest set of files that all refer to each other, directly or not (Tarjan).
func largestCycle(refs map[string][]string) []string {
	var stack, largest []string
	index, low, onStack := map[string]int{}, map[string]int{}, map[string]bool{}
	var visit func(string)
	visit = func(v string) {
		index[v] = len(index) + 1
		low[v] = index[v]
		stack = append(stack, v)
		onStack[v] = true
		for _, w := range refs[v] {
			switch {
			case index[w] == 0:
				visit(w)
				low[v] = min(low[v], low[w])
			case onStack[w]:
				low[v] = min(low[v], index[w])
			}
		}
		if low[v] != index[v] {
			return
		}
		at := slices.Index(stack, v)
		cycle := slices.Clone(stack[at:])
		stack = stack[:at]
		for _, w := range cycle {
			onStack[w] = false
		}
		if len(cycle) > max(1, len(largest)) {
			largest = cycle
		}
	}
	for _, v := range slices.Sorted(mapKeys(refs)) {
		if index[v] == 0 {
			visit(v)
		}
	}
	return largest
}

func mapKeys(m map[string][]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func TestRoomsCanBeSurveyed(t *testing.T) {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "room\tfiles\tlines\tlargest cycle of files")
	c := newChecker()
	for _, dir := range slices.Sorted(upstreamRooms()) {
		r, err := c.room(dir)
		if err != nil {
			t.Error(err)
			continue
		}
		cycle := largestCycle(r.references(c.fset))
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\n", dir, len(r.files), r.lines, len(cycle))
		most, ok := larger[dir]
		if !ok {
			most = limits
		}
		if len(r.files) > most.files || r.lines > most.lines || len(cycle) > most.cycle {
			t.Errorf("%s has %d files, %d lines and a cycle of %d files, may have %d, %d and %d", dir, len(r.files), r.lines, len(cycle), most.files, most.lines, most.cycle)
		}
		if os.Getenv("CYCLES") != "" {
			slices.Sort(cycle)
			for _, f := range cycle {
				fmt.Fprintf(w, "    %s\n", filepath.Base(f))
			}
		}
	}
	w.Flush()
	t.Log("\n" + table.String())
}

func upstreamRooms() func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range upstream {
			if !yield(k) {
				return
			}
		}
	}
}
