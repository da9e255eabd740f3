package setup

import (
	"encoding/csv"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"trapline/config"
	"trapline/internal/csvlist"
	"trapline/internal/programtest"
)

// The configuration that import writes has the values of the list.
func TestImportedTargetsAreThoseOfTheList(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var text strings.Builder
	w := csv.NewWriter(&text)
	rows := [][]string{{"Name", "IP", "Site", "rack no", "Interval", "Retries", "context"}}
	for i := range 200 {
		interval := ""
		if rng.IntN(2) == 0 {
			interval = "5m"
		}
		rows = append(rows, []string{fmt.Sprintf("dev %d %s", i, strings.NewReplacer("%", "", "/", "", "#", "").Replace(programtest.Odd[rng.IntN(len(programtest.Odd))])), fmt.Sprintf("192.0.2.%d", i), programtest.Odd[rng.IntN(len(programtest.Odd))], programtest.Odd[rng.IntN(len(programtest.Odd))], interval, "3", "vrf 1"})
	}
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	list, bad, err := csvlist.Parse([]byte("\ufeff" + text.String()))
	if err != nil || len(bad) > 0 || len(list) != 200 {
		t.Fatalf("%d targets, bad rows %v, %v", len(list), bad, err)
	}
	file := filepath.Join(t.TempDir(), "targets.yml")
	if err := writeNew(nil, file, importedYAML("devices.csv", list)); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load([]string{file}, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range c.Targets {
		row := rows[i+1]
		want := map[string]string{"site": row[2], "rack_no": row[3]}
		interval := ""
		if !got.Interval.IsZero() {
			interval = "5m"
		}
		if got.Name != row[0] || got.Retries == nil || *got.Retries != 3 || got.Context != "vrf 1" || got.Address != row[1] || !maps.Equal(got.Labels, want) || interval != row[4] {
			t.Errorf("row %q becomes %+v", row, got)
		}
	}
	if err := writeNew(nil, file, nil); err == nil {
		t.Error("a file is overwritten")
	}
}
