package main

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/exporter-toolkit/web"
	"gopkg.in/yaml.v3"

	"trapline/config"
	"trapline/internal/notify"
	"trapline/internal/peers"
	"trapline/internal/programtest"
	"trapline/mibs"
)

const (
	root      = "../.."
	snmpTools = "docs/reference/snmp-tools.md"
)

// documents are the texts of README.md and of docs, by their paths below the root.
func documents(t testing.TB) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && path != "docs" && path != "examples" && path != "deploy" && !strings.Contains(path, "/"):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".md":
			return nil
		}
		text, err := os.ReadFile(filepath.Join(root, path))
		texts[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// A codeBlock is a fenced block of a document. Its note is the text behind the language.
type codeBlock struct {
	file     string
	line     int
	language string
	note     string
	text     string
}

func (b *codeBlock) String() string { return fmt.Sprintf("%s:%d", b.file, b.line) }

// untested reports whether a block is not to be run, which it says together with the reason.
func (b *codeBlock) untested() bool { return strings.HasPrefix(b.note, "untested: ") }

var fenced = regexp.MustCompile("(?ms)^```(\\w+)([^\n]*)\n(.*?)^```$")

// documentBlocks returns the blocks of a language that are tested, of one document or of all.
func documentBlocks(t testing.TB, file, language string) []codeBlock {
	t.Helper()
	var found []codeBlock
	all := documents(t)
	for _, path := range slices.Sorted(maps.Keys(all)) {
		text := all[path]
		if file != "" && file != path {
			continue
		}
		for _, m := range fenced.FindAllStringSubmatchIndex(text, -1) {
			b := codeBlock{path, 1 + strings.Count(text[:m[0]], "\n"), text[m[2]:m[3]], strings.TrimSpace(text[m[4]:m[5]]), text[m[6]:m[7]]}
			if b.language == language && !b.untested() {
				found = append(found, b)
			}
		}
	}
	return found
}

// blockOf returns the first block of YAML with that first line in docs/5-alarms.md.
func blockOf(t testing.TB, first string) string {
	t.Helper()
	for _, block := range documentBlocks(t, alarmsDocument, "yaml") {
		if strings.HasPrefix(block.text, first+"\n") {
			return block.text
		}
	}
	t.Fatalf("%s has no block %q", alarmsDocument, first)
	return ""
}

// Each block of YAML begins with a comment that says which file it is, and the program that reads such files takes it.
func TestConfigurationsOfTheDocuments(t *testing.T) {
	t.Parallel()
	promtool := peers.Require(t, "promtool", "prometheus")
	amtool := peers.Require(t, "amtool", "prometheus-alertmanager")
	run := func(name string, args ...string) func(*testing.T, string) error {
		return func(t *testing.T, text string) error {
			path := programtest.InDir(t, map[string]string{"file.yml": text})
			out, err := exec.Command(name, append(args, path("file.yml"))...).CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w\n%s", err, out)
			}
			return nil
		}
	}
	readers := map[string]func(*testing.T, string) error{
		"# snmp.yml":            loadDocument,
		"# prometheus.yml":      run(promtool, "check", "config", "--syntax-only"),
		"# rules.yml":           run(promtool, "check", "rules"),
		"# rules of Prometheus": checkAnnotations,
		"# alertmanager.yml":    run(amtool, "check-config"),
		"# web.yml": func(t *testing.T, text string) error {
			return web.Validate(programtest.InDir(t, map[string]string{"web.yml": text})("web.yml"))
		},
		"# tests.yml": func(*testing.T, string) error { return nil }, // TestTheUnitTestOfTheDocuments runs it
	}
	checked := map[string]int{}
	for _, block := range documentBlocks(t, "", "yaml") {
		first, _, _ := strings.Cut(block.text, "\n")
		read, known := readers[first]
		if !known {
			t.Errorf("%s: the block begins with %q, not with the name of a file", &block, first)
			continue
		}
		if err := read(t, block.text); err != nil {
			t.Errorf("%s: %v", &block, err)
		}
		checked[first]++
	}
	for _, first := range []string{"# snmp.yml", "# prometheus.yml", "# rules.yml", "# rules of Prometheus"} {
		if checked[first] == 0 {
			t.Errorf("no document has a block %q", first)
		}
	}
}

func loadDocument(t *testing.T, text string) error {
	path := programtest.InDir(t, map[string]string{"snmp.yml": text, "rules.yml": blockOf(t, "# rules.yml")})
	_, err := config.Load([]string{path("snmp.yml")}, config.Options{})
	return err
}

// checkAnnotations checks a list of Prometheus' rules, and whether their notifications can be sent to receivers.
func checkAnnotations(t *testing.T, text string) error {
	path := programtest.InDir(t, map[string]string{"rules.yml": "groups:\n- name: documents\n  rules:\n" + strings.ReplaceAll("\n"+text, "\n", "\n  ")})
	if out, err := exec.Command(peers.Require(t, "promtool", "prometheus"), "check", "rules", path("rules.yml")).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	var rules []struct{ Annotations map[string]string }
	if err := yaml.Unmarshal([]byte(text), &rules); err != nil {
		return err
	}
	c := notify.RuleChecker{Names: func() (*mibs.Tree, error) { return mibs.LoadAll(mibs.Embedded()) }, Receivers: []notify.ReceiverSettings{{Name: "nms-3", Tags: []string{"network"}}}}
	for _, rule := range rules {
		if mistakes, warnings := c.Check(rule.Annotations); len(mistakes)+len(warnings) > 0 {
			return fmt.Errorf("%q %q", mistakes, warnings)
		}
	}
	return nil
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// Links within the documents lead to files and headings that exist.
func TestLinksOfTheDocuments(t *testing.T) {
	texts := documents(t)
	for path, text := range texts {
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			to := path
			if file != "" {
				to = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s links to %s, which does not exist", path, m[1])
			} else if anchor != "" && !anchors(texts[to])[anchor] {
				t.Errorf("%s links to %s, and %s has no such heading", path, m[1], to)
			}
		}
	}
}

var (
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	unlinked = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are the headings of a document as GitHub links to them.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		found[strings.ReplaceAll(unlinked.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return found
}

// The page about the architecture names every package below internal.
func TestArchitectureNamesPackages(t *testing.T) {
	text := documents(t)["docs/ARCHITECTURE.md"]
	entries, err := os.ReadDir(root + "/internal")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.Contains(text, "`internal/"+e.Name()+"`") {
			t.Errorf("docs/ARCHITECTURE.md does not name internal/%s", e.Name())
		}
	}
}
