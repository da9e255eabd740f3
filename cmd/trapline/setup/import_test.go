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

func TestExpandRanges(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.0/30": "[192.0.2.1 192.0.2.2]", "192.0.2.4/31": "[192.0.2.4 192.0.2.5]", "192.0.2.7/32": "[192.0.2.7]", "192.0.2.9": "[192.0.2.9]",
		"192.0.2.5/30": "[192.0.2.5 192.0.2.6]", "2001:db8::4/127": "[2001:db8::4 2001:db8::5]", "192.0.2.0/30 192.0.2.9": "[192.0.2.1 192.0.2.2 192.0.2.9]",
	} {
		if got, err := expandRanges(strings.Fields(text)); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v, want %s", text, got, err, want)
		}
	}
	if got, err := expandRanges([]string{"10.0.0.0/16"}); err != nil || len(got) != 65534 {
		t.Errorf("a /16 has %d addresses, %v", len(got), err)
	}
	for _, text := range []string{"10.0.0.0/8", "10.0.0.0/16 10.1.0.0/24", "::/0", "core-1", "192.0.2.0/33"} {
		if _, err := expandRanges(strings.Fields(text)); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}

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
