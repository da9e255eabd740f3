package mibs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeFiles puts files into a new directory.
func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestModulesAreFoundByWhatIsInTheFiles(t *testing.T) {
	first := writeFiles(t, map[string]string{
		"any.name.at-all": "A-MIB DEFINITIONS ::= BEGIN a OBJECT IDENTIFIER ::= { iso 1 } END B-MIB DEFINITIONS ::= BEGIN END",
		"below/README":    "This is no MIB.",
		".hidden/C-MIB":   "C-MIB DEFINITIONS ::= BEGIN END",
	})
	second := writeFiles(t, map[string]string{"A-MIB": "A-MIB DEFINITIONS ::= BEGIN a OBJECT IDENTIFIER ::= { iso 2 } END"})
	if err := os.Symlink(filepath.Join(second, "nowhere"), filepath.Join(second, "broken")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(first, ".hidden/C-MIB"), filepath.Join(second, "linked")); err != nil {
		t.Fatal(err)
	}
	d, err := OpenDirectories(first, second)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(d.Names(), " "); got != "A-MIB B-MIB C-MIB" {
		t.Errorf("the modules are %s", got)
	}
	checkRemarks(t, "two copies", d.Diagnostics(), "A-MIB: module A-MIB is in "+filepath.Join(first, "any.name.at-all")+" too: that one counts, whose directory comes first")
	checkRemarks(t, "broken link", d.Diagnostics(), "broken: left out: stat")
	tree, err := Load([]string{"A-MIB"}, d)
	if err != nil {
		t.Fatal(err)
	}
	if n := tree.Node("A-MIB", "a"); n == nil || n.OID.String() != "1.1" {
		t.Errorf("a is %v, the first directory has 1.1", n)
	}
	if len(tree.Modules()) > 3 {
		t.Errorf("more is read than A-MIB and the SMI: %v", tree.Modules())
	}
	if got := strings.Join(d.Mentioning("OBJECT IDENTIFIER"), " "); got != "A-MIB B-MIB" {
		t.Errorf("the modules of files that have the words are %s", got)
	}
	if _, err := Load([]string{"D-MIB"}, d); err == nil || err.Error() != "MIB module D-MIB is neither built in nor in the MIB directories" {
		t.Errorf("error %v", err)
	}
	if _, err := OpenDirectories(filepath.Join(first, "nowhere")); err == nil {
		t.Error("a directory that is not there is no mistake")
	}
}

func TestTheUsersCopyOfABuiltInModuleCounts(t *testing.T) {
	d, err := OpenDirectories(writeFiles(t, map[string]string{"if.txt": `IF-MIB DEFINITIONS ::= BEGIN
		IMPORTS mib-2 FROM SNMPv2-SMI;
		ifMIB MODULE-IDENTITY LAST-UPDATED "9001010000Z" ORGANIZATION "" CONTACT-INFO "" DESCRIPTION "" ::= { mib-2 31 }
		stray
		mine OBJECT IDENTIFIER ::= { ifMIB 99 } END`}))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := Load([]string{"IP-MIB"}, d, Embedded())
	if err != nil {
		t.Fatal(err)
	}
	if tree.Node("IF-MIB", "mine") == nil || tree.Node("IF-MIB", "ifDescr") != nil {
		t.Error("the built-in IF-MIB took the place of the user's")
	}
	checkRemarks(t, "older", tree.Diagnostics(), "this file is of 9001010000Z, and takes the place of the built-in module IF-MIB of 200006140000Z")
	checkRemarks(t, "damaged", tree.Diagnostics(), "parts of this file were skipped, and it takes the place of the built-in module IF-MIB")
}

// dated is a MIB of one object, of a date and with syntax errors or not.
func dated(date, object, more string) string {
	return `T-MIB DEFINITIONS ::= BEGIN IMPORTS enterprises, MODULE-IDENTITY FROM SNMPv2-SMI;
		t MODULE-IDENTITY LAST-UPDATED "` + date + `" ORGANIZATION "" CONTACT-INFO "" DESCRIPTION "" ::= { enterprises 99999 } ` + more + `
		` + object + ` OBJECT IDENTIFIER ::= { t 1 } END`
}

func TestTheBestCopyOfAModuleCounts(t *testing.T) {
	const faulty = "stray words"
	for name, test := range map[string]struct {
		files       map[string]string
		want, other string
	}{
		"newer": {map[string]string{"a.mib": dated("202001010000Z", "older", ""), "b.mib": dated("202101010000Z", "newer", "")}, "newer", "a.mib"},
		"years of two digits": {map[string]string{"a.mib": dated("9901010000Z", "older", ""), "b.mib": dated("200001010000Z", "newer", "")},
			"newer", "a.mib"},
		"without syntax errors, though older": {map[string]string{"a.mib": dated("202101010000Z", "damaged", faulty), "b.mib": dated("202001010000Z", "sound", "")},
			"sound", "a.mib"},
		"named as the module": {map[string]string{"a.mib": dated("202001010000Z", "other", ""), "x/T-MIB.txt": dated("202001010000Z", "named", "")}, "named", "a.mib"},
		"first by path":       {map[string]string{"a.mib": dated("202001010000Z", "first", ""), "b.mib": dated("202001010000Z", "second", "")}, "first", "b.mib"},
		"undated":             {map[string]string{"a.mib": "T-MIB DEFINITIONS ::= BEGIN END", "b.mib": dated("202001010000Z", "dated", "")}, "dated", "a.mib"},
	} {
		dir := writeFiles(t, test.files)
		d, err := OpenDirectories(dir)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := Load([]string{"T-MIB"}, d)
		if err != nil {
			t.Fatal(err)
		}
		if tree.Node("T-MIB", test.want) == nil {
			t.Errorf("%s: %s counts", name, tree.Modules()[0].File)
		}
		checkRemarks(t, name, d.Diagnostics(), filepath.Join(dir, test.other)+": module T-MIB is in "+tree.Modules()[0].File+" too: that one counts, which ")
	}
}

// Patches hold parts of modules, and editors leave old ones: neither is read, whatever they are called.
func TestPatchesAndLeavingsAreNotRead(t *testing.T) {
	const patch = "--- a/x.mib\n+++ b/x.mib\n@@ -1,6 +1,8 @@\n T-MIB DEFINITIONS ::= BEGIN\n \n     IMPORTS\n+        enterprises FROM SNMPv2-SMI\n"
	files := map[string]string{
		"a.diff": patch, "a.patch": patch, "a-patch.txt": patch, "a.mib": "Index: x\n===\n" + patch, "z.mib": dated("200001010000Z", "real", ""),
		"T-MIB~": dated("202001010000Z", "leaving", ""), "T-MIB.bak": dated("202001010000Z", "leaving", ""), "T-MIB.orig": dated("202001010000Z", "leaving", ""),
		"#T-MIB#": dated("202001010000Z", "leaving", ""), "T-MIB.ORIG": dated("202001010000Z", "leaving", ""), ".T-MIB.swp": dated("202001010000Z", "leaving", ""),
	}
	d, err := OpenDirectories(writeFiles(t, files))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := Load(d.Names(), d)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Diagnostics()) > 0 || tree.Node("T-MIB", "real") == nil || filepath.Base(tree.Modules()[0].File) != "z.mib" {
		t.Errorf("%s is read, remarks %v", tree.Modules()[0].File, d.Diagnostics())
	}
}
