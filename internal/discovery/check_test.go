package discovery

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery/file"
	"github.com/prometheus/prometheus/model/relabel"
	"gopkg.in/yaml.v3"

	"trapline/internal/poller"
	"trapline/internal/setting"
)

// A check reads the lists that are files, and reports what of them is no target.
func TestCheckReadsFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.csv": "name,address\nsw-1,192.0.2.1\nsw-2,\n", "d.txt": "address\n192.0.2.1\n192.0.2.2\n", "b.json": `[{"targets": ["192.0.2.3", "192.0.2.1"]}]`, "c.json": `[{"targets": 3}]`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	entries, all := Check(Configuration{
		Lists: []Settings{
			{Name: "sheet", CSV: &CSV{Paths: []string{filepath.Join(dir, "*.csv")}}},
			{Name: "files", Files: []*setting.Foreign[file.SDConfig]{{Value: file.SDConfig{Files: []string{filepath.Join(dir, "*.json")}, RefreshInterval: 1e12}}}},
			{Name: "asked", NetBox: &NetBox{URL: "https://127.0.85.1:1"}},
			{Name: "later", Files: []*setting.Foreign[file.SDConfig]{{Value: file.SDConfig{Files: []string{filepath.Join(dir, "later*.json")}, RefreshInterval: 1e12}}}},
			{Name: "dropped", CSV: &CSV{Paths: []string{filepath.Join(dir, "d.txt")}}, Relabel: []*setting.Foreign[relabel.Config]{{Value: relabel.Config{
				SourceLabels: model.LabelNames{"site"}, Regex: relabel.MustNewRegexp("berlin"), Action: relabel.Keep,
			}}}},
			{Name: "none", CSV: &CSV{Paths: []string{filepath.Join(dir, "none.csv")}}},
		},
		Usual: func(*poller.TargetSettings) error { return nil },
	})
	doubts := strings.Join(Doubts(all), "\n")
	if len(entries) != 3 || !strings.Contains(doubts, "a.csv:3 is not polled") || !strings.Contains(doubts, "c.json") || !strings.Contains(doubts, "none.csv: no such file") ||
		!strings.Contains(doubts, "later*.json: there is no such file") || !strings.Contains(doubts, "the list dropped: relabel_configs drop all 2 entries") || strings.Count(doubts, "drop all") != 1 {
		t.Errorf("%d entries\n%s", len(entries), doubts)
	}
}

// An action that Prometheus does not know has an error with all that it knows.
func TestRelabelActionsAreListed(t *testing.T) {
	problem := func(action string) string {
		var r setting.Foreign[relabel.Config]
		if err := yaml.Unmarshal([]byte("{source_labels: [a], target_label: a, action: "+action+"}"), &r); err != nil {
			t.Fatal(err)
		}
		for _, p := range r.Problems() {
			return p.Text
		}
		return ""
	}
	_, list, found := strings.Cut(problem("repalce"), `unknown relabel action "repalce": write one of `)
	if !found {
		t.Error(problem("repalce"))
	}
	for _, action := range strings.FieldsFunc(strings.Replace(list, " or ", ", ", 1), func(r rune) bool { return r == ',' || r == ' ' }) {
		if text := problem(action); text != "" {
			t.Error(text)
		}
	}
}
