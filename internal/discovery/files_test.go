package discovery

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
)

// Whatever a file of YAML blows up to is bounded as that of JSON.
func TestYAMLThatBlowsUp(t *testing.T) {
	bomb := "- targets: [a]\n  labels: &a {x: y}\n"
	for i := range 30 {
		bomb += fmt.Sprintf("- targets: [b]\n  labels: &%c {x: [*%c,*%c]}\n", 'b'+i, 'a'+i, 'a'+i)
	}
	for name, raw := range map[string][]byte{
		"bomb": []byte(bomb), "values": append([]byte("- targets: ["), bytes.Repeat([]byte("a,"), maxYAMLValues+1)...),
		"targets": append(append([]byte("- targets: ["), bytes.Repeat([]byte("a,"), maxTargets)...), "a]\n"...), "null": []byte("- null\n"),
		"long": append([]byte("- targets: [a"), bytes.Repeat([]byte(" "), maxYAML)...),
	} {
		var groups []*targetgroup.Group
		var err error
		octets := allocated(func() { groups, err = decodeYAML(raw) })
		most := uint64(1 << 30)
		if name == "values" || name == "long" { // which is seen before it is decoded
			most = 1 << 20
		}
		if err == nil || octets > most {
			t.Errorf("%s: %d groups, %v, %d octets", name, len(groups), err, octets)
		}
	}
}

// However the groups of a file change, come, go and are repeated, a reader that has read others before reads what one reads
// that has not.
func TestGroupsThatAreKnown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "list.json")
	r := rand.New(rand.NewPCG(1, 2))
	type group struct {
		Targets []string          `json:"targets"`
		Labels  map[string]string `json:"labels,omitempty"`
	}
	known := &groupFile{name: file}
	for range 200 {
		groups := make([]group, r.IntN(8))
		for i := range groups {
			for range r.IntN(3) {
				groups[i].Targets = append(groups[i].Targets, fmt.Sprint("192.0.2.", r.IntN(3)))
			}
			if r.IntN(2) == 0 {
				groups[i].Labels = map[string]string{"site": fmt.Sprint(r.IntN(3))}
			}
		}
		text, err := json.Marshal(groups)
		if err != nil {
			t.Fatal(err)
		}
		if r.IntN(5) == 0 {
			text = append(text, ',') // an error, after which the next reading is right again
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		got, gotErr := known.read()
		want, wantErr := (&groupFile{name: file}).read()
		decoded, err := decodeGroups(text)
		all, _ := (&groupFile{name: file}).entries(decoded...)
		if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) || fmt.Sprint(gotErr) != fmt.Sprint(err) || !slices.EqualFunc(got, want, labels.Equal) || !slices.EqualFunc(got, all, labels.Equal) {
			t.Fatalf("%s: %v, %v, want %v, %v; %v", text, got, gotErr, want, wantErr, all)
		}
	}
	for _, text := range []string{"[null]", `[{"targets":["a"],"x":1}]`, `[{"targets":["a"]}] []`, `{}`} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := known.read(); err == nil {
			t.Errorf("%s: %v", text, got)
		}
	}
}
