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
	list, bad, err := importCSV([]byte("\ufeff" + text.String()))
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

// Each row that is no target is reported with its line, and a list that is none as a whole.
func TestBadRows(t *testing.T) {
	_, bad, err := importCSV([]byte("name;address;site\na;192.0.2.1;x\n;;\nb;not an address;x\na;192.0.2.2;y\nc;;x\nd;192.0.2.4;x;too many\n..;192.0.2.5;x\n"))
	want := []badRow{
		{4, `address "not an address": "not an address" is not a host name or an IP address`}, {5, "the name a is taken by line 2"}, {6, "no address"},
		{7, "4 fields, and 3 columns have names: put a field with a delimiter in it into quotes"}, {8, `target name ".." is a step in the URL /targets/NAME/metrics: give it another name`},
	}
	if err != nil || fmt.Sprint(bad) != fmt.Sprint(want) {
		t.Errorf("bad rows are %v, %v\nwant %v", bad, err, want)
	}
	for text, want := range map[string]string{
		"":                         "the file is empty",
		"name,site\na,b\n":         "no column is called address",
		"address,site\n":           "there is no row",
		"address,,\n192.0.2.1,a,b": "column 2 has no name of its own",
		"address,target,target\n":  `column "target" cannot be a label`,
		"address,Community\na,b":   `column "Community" would become a label, which everyone can read`,
		"\xff\xfea\x00":            "the text is UTF-16: save it as UTF-8",
		"address\n\x00":            "this is no text",
	} {
		if _, _, err := importCSV([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if list, _, _ := importCSV([]byte("host,port,site\n192.0.2.1,1161,a\n2001:db8::1,1161,b\n")); list[0].address != "192.0.2.1:1161" || list[1].address != "[2001:db8::1]:1161" {
		t.Errorf("addresses with ports are %+v", list)
	}
	for _, text := range []string{"hostname,ip\na,192.0.2.1\n", "ip,hostname\n192.0.2.1,a\n", "name,address\na,192.0.2.1\n", "name,host\na,192.0.2.1\n"} {
		if list, _, err := importCSV([]byte(text)); err != nil || list[0].name != "a" || list[0].address != "192.0.2.1" || list[0].labels != nil {
			t.Errorf("%q becomes %+v, %v", text, list, err)
		}
	}
}
