package main

import (
	"encoding/csv"
	"strings"
	"testing"
)

// What devices say is no formula in a spreadsheet, and on a terminal no command.
func TestCSVIsHarmless(t *testing.T) {
	g := &grid{columns: []column{{name: "name"}, {name: "loss"}}}
	g.add(item{text: "=cmd|' /C calc'!A0"}, item{text: "1 %", exact: "-0.01"})
	g.add(item{text: "-2+3+cmd|' /C calc'!A0"}, item{text: "a\x1b[2Jb"})
	for _, terminal := range []bool{false, true} {
		var out strings.Builder
		if err := (&printer{format: "csv", out: &out, terminal: terminal}).grid(g); err != nil {
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
