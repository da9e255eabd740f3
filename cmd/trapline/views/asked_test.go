package views

import (
	"testing"
)

// A selector names metric and row, as Prometheus writes a series.
func TestWhyTakesSelectors(t *testing.T) {
	for _, test := range []struct{ metric, row, want, wantRow, err string }{
		{"ifOperStatus", "ifIndex=3", "ifOperStatus", "ifIndex=3", ""},
		{`ifOperStatus{ifIndex="3"}`, "", "ifOperStatus", `ifIndex="3"`, ""},
		{`ifOperStatus{ifIndex="3", ifName='Gi1/0/3'}`, "", "ifOperStatus", `ifIndex="3",ifName="Gi1/0/3"`, ""},
		{`ifOperStatus{ifIndex="3",target="sw-1"}`, "", "ifOperStatus", `ifIndex="3"`, ""},
		{`{__name__="ifOperStatus"}`, "", "ifOperStatus", "", ""},
		{"ifOperStatus{}", "", "ifOperStatus", "", ""},
		{`ifOperStatus{ifIndex="3",target="sw-2"}`, "", "", "", `ifOperStatus{ifIndex="3",target="sw-2"} selects target sw-2, and sw-1 is asked about: name one of them`},
		{`ifOperStatus{ifIndex=~"3"}`, "", "", "", `ifOperStatus{ifIndex=~"3"}: a series is named by equal labels: write ifIndex="VALUE"`},
		{"ifOperStatus{ifIndex=3}", "", "", "", `"ifOperStatus{ifIndex=3}" is not a selector: write one such as 'ifOperStatus{ifIndex="3"}', in quotes for the shell`},
		{`ifOperStatus{ifIndex="3"}`, "ifIndex=3", "", "", `ifOperStatus{ifIndex="3"} names a row, and so does ifIndex=3: write one of them`},
	} {
		about, err := askedFor("sw-1", test.metric, test.row)
		if test.err != "" {
			if err == nil || err.Error() != test.err {
				t.Errorf("%s: %v, want %s", test.metric, err, test.err)
			}
		} else if err != nil || about.Metric != test.want || about.Row != test.wantRow {
			t.Errorf("%s: %+v, %v", test.metric, about, err)
		}
	}
}
