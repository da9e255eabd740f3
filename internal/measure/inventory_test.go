package measure

import (
	"slices"
	"testing"

	"gopkg.in/yaml.v3"

	"trapline/internal/held"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

func identify(t *testing.T, text string, p *pass) []series.Column {
	t.Helper()
	var n Inventory
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		t.Fatal(err)
	}
	m := n.Resolve(func(path, text string, near *Column) *Column {
		if text == sysName {
			text = "system"
		}
		return find(path, text, near)
	})
	if m == nil {
		t.Fatal("no measure")
	}
	var lists []held.List
	program := New([]*Measure{m}, func(o snmp.OID) int {
		var l held.List
		for _, a := range p.all {
			if string(objects[a.object].OID) == string(o) {
				l.Set(snmp.MustParseOID("1.3." + a.index)[1:], a.value)
			}
		}
		lists = append(lists, l)
		return len(lists) - 1
	}, func(name string) string { return name })
	columns, _, _ := program.Evaluation().Columns(Input{Lists: lists, Lost: func([]byte) bool { return false }, Indexes: true, Room: 1 << 20})
	return columns
}

// Of each list the first that has a text counts; of the modules of a device, the last.
func TestInventory(t *testing.T) {
	p := &pass{}
	p.has("name", "2.1", octets("WS-2"))
	p.has("name", "1.9", octets("WS-1"))
	p.has("name", "1.2", octets(""))
	p.has("system", "0", octets("core"))
	p.has("words", "1.1", octets("AcmeOS Version 7.2(1), built today"))
	any := identify(t, `{vendor: {text: Acme}, model: [slot, name], version: {object: words, regex: 'Version (\S+),'}}`, p)
	want := []string{`device_info{model="WS-1",sys_name="core",vendor="Acme",version="7.2(1)"} 1`}
	if got := rendered(any); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	own := identify(t, `{model: {text: Fine}, serial: words}`, p)
	sets := []*series.Set{{Columns: any}, {Columns: own}, {}}
	JoinInfo(sets)
	want = []string{`device_info{model="Fine",serial="AcmeOS Version 7.2(1), built today",sys_name="core",vendor="Acme",version="7.2(1)"} 1`}
	if got := append(rendered(sets[0].Columns), rendered(sets[1].Columns)...); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := identify(t, `{vendor: {text: Acme}}`, &pass{}); len(got) > 0 {
		t.Errorf("of a device that says nothing: %v", rendered(got))
	}
}
