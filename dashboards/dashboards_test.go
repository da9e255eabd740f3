package dashboards

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"trapline/mibs"
)

func TestFilesAreWhatTheProgramMakes(t *testing.T) {
	for name, d := range All() {
		want, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the program makes: run go generate ./dashboards", name)
		}
	}
}

// all returns the panels of a dashboard, including those in collapsed rows, without the rows.
func all(d Dashboard) []Panel {
	var panels []Panel
	for _, p := range d.Panels {
		if p.Row == nil {
			panels = append(panels, p)
			continue
		}
		panels = append(panels, p.Panels...)
	}
	return panels
}

func TestPanelsSayWhatTheyShow(t *testing.T) {
	for name, d := range All() {
		for _, p := range all(d) {
			if p.Title == "" || !strings.HasSuffix(p.Description, ".") && !strings.HasSuffix(p.Description, "?") {
				t.Errorf("%s: panel %q has the description %q, want a sentence", name, p.Title, p.Description)
			}
			if p.Type != "table" && p.FieldConfig.Defaults.Unit == "" {
				t.Errorf("%s: panel %q has no unit", name, p.Title)
			}
			if len(p.Targets) == 0 {
				t.Errorf("%s: panel %q asks for nothing", name, p.Title)
			}
		}
	}
}

func TestPanelsDoNotOverlap(t *testing.T) {
	for name, d := range All() {
		ids := map[int]string{}
		for _, p := range all(d) {
			if other, found := ids[p.ID]; found {
				t.Errorf("%s: panels %q and %q have the same id", name, p.Title, other)
			}
			ids[p.ID] = p.Title
		}
		wantApart(t, name, d.Panels)
		for _, p := range d.Panels {
			if p.Row != nil {
				wantApart(t, name, p.Panels) // Grafana places them again when the row is opened
			}
		}
	}
}

func wantApart(t *testing.T, name string, panels []Panel) {
	taken := map[[2]int]string{}
	for _, p := range panels {
		g := p.GridPos
		if g.X < 0 || g.W < 1 || g.H < 1 || g.X+g.W > gridWidth {
			t.Errorf("%s: panel %q is not in the grid: %+v", name, p.Title, g)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other, found := taken[[2]int{x, y}]; found {
					t.Fatalf("%s: panel %q lies on %q", name, p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// choices are the values of the variables that a viewer chooses and Grafana computes.
var choices = map[string]string{"job": "net", "by": "target", "label": "site", "value": ".*", "device": "core-1", "interface": "eth.*", "__rate_interval": "4m", "alias": ".*", "instance": "core-1", "__range": "3h"}

// Every metric that is named like an object of a MIB must be polled by a shipped module or profile.
func TestExpressionsNameObjects(t *testing.T) {
	tree, err := mibs.LoadAll(mibs.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	object := regexp.MustCompile(`\b(?:bgp|ent|hr|if|la|lldp|mem|ospf|peth|prt|ss|sys|ups)[A-Z]\w*`)
	for name, d := range All() {
		text, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		expressions, err := Expressions(text, choices)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, e := range expressions {
			for _, word := range object.FindAllString(e.Text, -1) {
				if len(tree.Named(word)) == 0 {
					t.Errorf("%s: %s asks for %s, which no built-in MIB has", name, e.Place, word)
				}
			}
		}
	}
}

func TestExpressions(t *testing.T) {
	const dashboard = `{
		"templating": {"list": [
			{"name": "datasource", "type": "datasource", "query": "prometheus"},
			{"name": "interface", "type": "query", "definition": "label_values(ifMtu{instance=\"$instance\"}, ifDescr)"}]},
		"annotations": {"list": [{"name": "Restart", "expr": "sysUpTime < 6000"}]},
		"panels": [
			{"type": "row", "collapsed": false, "panels": []},
			{"title": "In", "targets": [{"expr": "rate(ifInOctets{ifDescr=~\"${interface:regex}\"}[$__rate_interval])"}, {"expr": "up", "instant": true}]},
			{"type": "row", "collapsed": true, "panels": [{"title": "Load", "targets": [{"expr": "load"}]}]}]}`
	want := []Expression{
		{Place: "$interface", Text: `group by (ifDescr) (ifMtu{instance="core-1"})`, Instant: true},
		{Place: "Restart", Text: "sysUpTime < 6000", Optional: true},
		{Place: "In", Text: `rate(ifInOctets{ifDescr=~"eth.*"}[4m])`},
		{Place: "In", Text: "up", Instant: true},
		{Place: "Load", Text: "load", Optional: true, Collapsed: true},
	}
	got, err := Expressions([]byte(dashboard), choices)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

func TestExpressionsNeedValues(t *testing.T) {
	const dashboard = `{"panels": [{"title": "In", "targets": [{"expr": "ifMtu{instance=\"$host\"}[$length]"}]}]}`
	_, err := Expressions([]byte(dashboard), choices)
	if want := "In: no value for host, length"; err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}
