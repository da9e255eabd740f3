package mibs

import (
	"strings"
	"testing"

	"trapline/mibs/smi"
)

// FuzzRead reads any text as a file of MIB modules, makes a tree of the first, and facts of that. Nothing
// may come of it but nodes and remarks.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		strings.ReplaceAll(around, "%s", ""), // a table
		strings.ReplaceAll(around, "%s", `t TRAP-TYPE ENTERPRISE test VARIABLES { c1 } DESCRIPTION "d" ::= 5`),
		strings.ReplaceAll(around, "%s", `x OBJECT-TYPE SYNTAX INTEGER { a(1), b(-2) } DEFVAL { { a } } ::= { test a(2) 3 }`),
		strings.ReplaceAll(around, "%s", `A ::= TEXTUAL-CONVENTION DISPLAY-HINT "1x:" SYNTAX OCTET STRING (SIZE (1..2 | 5))`),
		"A DEFINITIONS ::= BEGIN x OBJECT-TYPE DESCRIPTION \"no end ::= { x 1 } END",      // a text without its end
		"A DEFINITIONS ::= BEGIN IMPORTS a FROM A b FROM B x OBJECT IDENTIFIER ::= { x 1", // imports and OIDs that hang on themselves
		"A { 1 2 } DEFINITIONS ::= BEGIN B ::= [APPLICATION 1] IMPLICIT CHOICE { a A } END -- x -- B DEFINITIONS ::= BEGIN END",
		"\xef\xbb\xbfA DEFINITIONS ::= BEGIN\r-----\rx OBJECT IDENTIFIER ::= { iso 40 4294967296 '0F'H }\r",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		smi.ModuleNames([]byte(text))
		modules, _ := new(smi.Parser).Parse("", text)
		if len(modules) == 0 {
			return
		}
		name := modules[0].Name
		tree, err := Load([]string{name}, texts{name: text})
		if err != nil {
			t.Fatal(err)
		}
		for n := range tree.All() {
			if !n.OID.Valid() && !isRoot(n.OID) {
				t.Fatalf("the OID of %s is % x", n.Name, n.OID)
			}
			if i := tree.Find(n.OID); i.Node == nil || len(i.Index) > 0 {
				t.Fatalf("%s is not found at its OID", n.Name)
			}
			_ = tree.Detail(n)
			if _, err := n.ParseIndex(string(n.AppendIndex(nil, []byte{5, 1, 2, 3}))); err != nil && len(n.indexParts()) == 0 {
				t.Fatalf("%s: %v", n.Name, err)
			}
		}
		if _, err := WriteFacts([]string{name}, texts{name: text}); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzFacts reads any text as facts.
func FuzzFacts(f *testing.F) {
	f.Add("m\tA\t9001010000Z\ni\tB\tx y\nt\tC\t1x:\tS(6|8..9)\non\ta\tx.1\t*\non\tb\t.1\t#\t\t!c d\norb\tc\tb.1\tI{1=p,q,7=r}\ts\nT\te\t1.3.6\tc")
	f.Add("n\ta\t.1\nn\tb\ta..1\no\tc\ta.1\tI{}()")
	f.Fuzz(func(_ *testing.T, text string) {
		if m, err := readFacts(text); err == nil {
			_, _ = Load([]string{m.Name}, factTexts{m.Name: []byte(text)})
		}
	})
}
