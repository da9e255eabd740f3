package csvlist

import (
	"fmt"
	"strings"
	"testing"
)

// Each row that is no target is reported with its line, and a list that is none as a whole.
func TestBadRows(t *testing.T) {
	_, bad, err := Parse([]byte("name;address;site\na;192.0.2.1;x\n;;\nb;not an address;x\na;192.0.2.2;y\nc;;x\nd;192.0.2.4;x;too many\n..;192.0.2.5;x\n"))
	want := []BadRow{
		{4, `address "not an address": "not an address" is not a host name or an IP address`}, {5, "the name a is taken by line 2"}, {6, "no address"},
		{7, "4 fields, and 3 columns have names: put a field with a delimiter in it into quotes"}, {8, `target name ".." is a step in the URL /targets/NAME/metrics: give it another name`},
	}
	if err != nil || fmt.Sprint(bad) != fmt.Sprint(want) {
		t.Errorf("bad rows are %v, %v\nwant %v", bad, err, want)
	}
	for text, want := range map[string]string{
		"":                           "the file is empty",
		"name,site\na,b\n":           "the first row names no column address",
		"address,site\n":             "there is no row",
		"address,,\n192.0.2.1,a,b":   "column 2 has no name of its own",
		"address,target,target\n":    `column "target" cannot be a label`,
		"address,Community\na,b":     `column "Community" would become a label, which everyone can read`,
		"\xff\xfea\x00":              "the text is UTF-16: save it as UTF-8",
		"address\n\x00":              "this is no text",
		"address,site\na,M\xfcnchen": "the text is not UTF-8",
		"name,address\na,192.0.2.1\nb,\"192.0.2.2\nc,192.0.2.3\n":               "line 3 opens a quote that ends nowhere",
		"name,address\na,\"192.0.2.1\nb,192.0.2.2\nc,\"192.0.2.3\"\n":           "line 2 opens a quote",
		"address\n" + strings.Repeat("x", 1<<20):                                "line 2 has more than",
		"address\n" + strings.Repeat("x\n", maxRows+1):                          "more than 200000 rows",
		"address" + strings.Repeat(",a", maxColumns) + "\n":                     "more than 256 columns",
		"address,b\na,\"" + strings.Repeat(strings.Repeat("x", 99)+"\n", 1<<20): "line 2 opens a quote",
	} {
		if _, _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if list, _, _ := Parse([]byte("host,port,site\n192.0.2.1,1161,a\n2001:db8::1,1161,b\n")); list[0].Address != "192.0.2.1:1161" || list[1].Address != "[2001:db8::1]:1161" {
		t.Errorf("addresses with ports are %+v", list)
	}
	if list, bad, err := Parse([]byte("IP,Intervall,Model,Contact,Context\n192.0.2.1,30s,x,y,z\n")); err != nil || len(list) != 1 || fmt.Sprint(bad) != `[{1 column "Intervall" becomes a label: did you mean interval?}]` {
		t.Errorf("%+v, %v, %v", list, bad, err)
	}
	if list, _, err := Parse([]byte("IP;Serien-Nr.;Rack Unit\n192.0.2.1;7;3\n")); err != nil || fmt.Sprint(list[0].Labels) != "[[serien_nr 7] [rack_unit 3]]" {
		t.Errorf("labels of columns are %+v, %v", list, err)
	}
	for _, text := range []string{"hostname,ip\na,192.0.2.1\n", "ip,hostname\n192.0.2.1,a\n", "name,address\na,192.0.2.1\n", "name,host\na,192.0.2.1\n"} {
		if list, _, err := Parse([]byte(text)); err != nil || list[0].Name != "a" || list[0].Address != "192.0.2.1" || list[0].Labels != nil {
			t.Errorf("%q becomes %+v, %v", text, list, err)
		}
	}
}
