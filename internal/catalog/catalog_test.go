package catalog

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"trapline/collector"
	"trapline/internal/api"
	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/internal/setting"
	"trapline/mibs"
)

// The pages of the list have each module once, and only those on a page are compiled. One that cannot be compiled says why.
func TestModulesOfAPageAreCompiled(t *testing.T) {
	compiled := map[string]int{}
	known := map[string]KnownModule{}
	for i := range 250 {
		name := fmt.Sprintf("m%03d", i)
		s := &collector.Settings{Walk: []setting.OID{setting.ParseOID(fmt.Sprintf("1.3.6.1.4.1.%d", i))},
			Metrics: []collector.MetricSettings{{Name: "metric" + name, OID: setting.ParseOID(fmt.Sprintf("1.3.6.1.4.1.%d.1", i)), Type: "gauge"}}}
		known[name] = KnownModule{Of: profile.NewModule(name, s), Settings: func() (*collector.Settings, error) {
			compiled[name]++
			if i == 7 {
				return nil, errors.New("no such object")
			}
			return s, nil
		}}
	}
	tree, err := mibs.Load([]string{"SNMPv2-MIB"}, mibs.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	c := New(poller.New(poller.Options{}), func() (*mibs.Tree, error) { return tree, nil }, func() (map[string]KnownModule, error) { return known, nil })
	seen := map[string]bool{}
	for from := 0; from < 250; from += 100 {
		clear(compiled)
		list, matched, err := c.Modules(api.ModuleQuery{Limit: 100, Offset: from})
		if err != nil || matched != 250 || len(list) != min(100, 250-from) || len(compiled) != len(list) {
			t.Errorf("from %d: %v, %d of %d, %d are compiled", from, err, len(list), matched, len(compiled))
		}
		for _, m := range list {
			if seen[m.Name] || strings.Contains(m.Text, "no such object") != (m.Name == "m007") || (len(m.Walks) == 1) == (m.Name == "m007") {
				t.Errorf("%+v", m)
			}
			seen[m.Name] = true
		}
	}
	clear(compiled)
	if list, matched, err := c.Modules(api.ModuleQuery{Text: "M24", Limit: 3}); err != nil || matched != 10 || len(list) != 3 || len(compiled) != 3 {
		t.Errorf("%v, %d of %d, %d are compiled", err, len(list), matched, len(compiled))
	}
	if list, _, err := c.Modules(api.ModuleQuery{Offset: 1000}); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", err, list)
	}
	clear(compiled)
	if got := c.Readers("metricm031", nil); len(got) != 1 || got[0] != "m031" || len(compiled) > 0 {
		t.Errorf("%v, %d are compiled", got, len(compiled))
	}
	if got := c.Readers("", setting.ParseOID("1.3.6.1.4.1.31.1").OID); len(got) != 1 || got[0] != "m031" || len(compiled) != 1 {
		t.Errorf("%v, %v are compiled", got, compiled)
	}
}
