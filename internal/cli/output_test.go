package cli

import (
	"encoding/csv"
	"strings"
	"testing"
)

// Text of devices is no formula in a spreadsheet, and on a terminal no command.
func TestCSVIsHarmless(t *testing.T) {
	g := &Grid{Columns: []Column{{Name: "name"}, {Name: "loss"}}}
	g.Add(Item{Text: "=cmd|' /C calc'!A0"}, Item{Text: "1 %", Exact: "-0.01"})
	g.Add(Item{Text: "-2+3+cmd|' /C calc'!A0"}, Item{Text: "a\x1b[2Jb"})
	for _, terminal := range []bool{false, true} {
		var out strings.Builder
		if err := (&Printer{Format: "csv", Out: &out, Terminal: terminal}).Grid(g); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
		if err != nil || rows[1][0] != "'=cmd|' /C calc'!A0" || rows[1][1] != "-0.01" || rows[2][0] != "'-2+3+cmd|' /C calc'!A0" {
			t.Errorf("%v: %q", err, rows)
		}
		if terminal == strings.Contains(out.String(), "\x1b") {
			t.Errorf("terminal %v: %q", terminal, out.String())
		}
	}
}
