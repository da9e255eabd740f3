package assign

import (
	"fmt"
	"testing"
	"time"

	"trapline/internal/facts"
	"trapline/internal/poller"
	"trapline/internal/setting"
)

// Conditions by facts: OIDs by whole numbers, descriptions of several lines, profiles; entries of a scan need no answer.
func TestAssignByFacts(t *testing.T) {
	expression := func(text string) (x setting.AnchoredRegexp) {
		if err := x.UnmarshalYAML(func(v any) error { *v.(*string) = text; return nil }); err != nil {
			t.Fatal(err)
		}
		return x
	}
	a := List{
		Entries: []Assignment{
			{Match: Match{SysObjectID: setting.ParseOID("1.3.6.1.4.1.9")}, Set: Set{Auth: "cisco", Labels: map[string]facts.Template{"vendor": facts.ParseTemplate("cisco")}}},
			{Match: Match{SysDescr: expression(".*IOS-XE.*17.*")}, Set: Set{Interval: setting.Duration{Duration: time.Second}}},
			{Match: Match{Profile: "acme"}, Set: Set{Modules: []string{"acme"}}},
			{Set: Set{Auth: "public", Labels: map[string]facts.Template{"place": facts.ParseTemplate("{{ .sysLocation | toLower }}"), "by": facts.ParseTemplate("{{ .address }}")}}},
		},
		Profiles: func(id, _ string) []string {
			return map[string][]string{"1.3.6.1.4.1.99.1": {"acme", "any"}}[id]
		},
	}
	for _, c := range []struct {
		f    *facts.Facts
		want string
	}{
		{nil, "public 0s [] map[by:192.0.2.1]"},
		{facts.Facts{SysObjectID: "1.3.6.1.4.1.9.1.7", SysDescr: "Cisco IOS-XE\r\nVersion 17.3", SysLocation: "Berlin\nMitte"}.Lines(), "cisco 1s [] map[by:192.0.2.1 place:berlin mitte vendor:cisco]"},
		{facts.Facts{SysObjectID: "1.3.6.1.4.1.99.1", SysDescr: "IOS-XE"}.Lines(), "public 0s [acme] map[by:192.0.2.1]"},
	} {
		s := poller.TargetSettings{Address: "192.0.2.1", Labels: map[string]string{}}
		result := a.Apply(&s, c.f)
		if !result.Asks {
			t.Errorf("%+v", result)
		}
		if got := fmt.Sprint(s.Auth, " ", s.Interval.Duration, " ", s.Modules, " ", s.Labels); got != c.want {
			t.Errorf("%v: %s, want %s", c.f, got, c.want)
		}
	}
}
