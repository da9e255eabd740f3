// Package doctest makes documents of the source: tests compare them with the files in docs, and write these with -update.
package doctest

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Update is the flag -update: write what is generated.
var Update = flag.Bool("update", false, "write the generated documents")

// Compare fails the test if a file does not have the text; with -update it writes the file first. What is missing are
// declarations without the comment that the text is made of.
func Compare(t *testing.T, file string, text []byte, missing []string) {
	t.Helper()
	if *Update {
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, text) {
		t.Errorf("%s is not up to date (%v): run make docs", file, err)
	}
	for _, name := range missing {
		t.Errorf("%s has no comment, which %s is made of", name, file)
	}
}

// Comments returns the comments of the struct types of directories, by "Type", and of their fields, by "Type.Field", the
// latter each in one line.
func Comments(dirs ...string) (map[string]string, error) {
	comments := map[string]string{}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
			if err != nil {
				return nil, err
			}
			for _, decl := range file.Decls {
				addComments(comments, decl)
			}
		}
	}
	return comments, nil
}

func addComments(comments map[string]string, decl ast.Decl) {
	general, ok := decl.(*ast.GenDecl)
	if !ok {
		return
	}
	for _, spec := range general.Specs {
		one, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		fields, ok := one.Type.(*ast.StructType)
		if !ok {
			continue
		}
		doc := one.Doc
		if doc == nil {
			doc = general.Doc
		}
		comments[one.Name.Name] = doc.Text()
		for _, f := range fields.Fields.List {
			for _, name := range f.Names {
				comments[one.Name.Name+"."+name.Name] = strings.Join(strings.Fields(f.Doc.Text()+" "+f.Comment.Text()), " ")
			}
		}
	}
}
