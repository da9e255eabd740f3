package assign

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"trapline/internal/facts"
	"trapline/internal/human"
	"trapline/internal/poller"
	"trapline/internal/seek"
	"trapline/internal/snmp"
)

// List is the entries of `assign`.
type List struct {
	Entries  []Assignment
	Profiles func(sysObjectID, sysDescr string) []string // of a device, the most specific first; may be nil
}

// Outcome is that of assignments beside the settings of the target.
type Outcome struct {
	Name   string // that an entry gives the target; "" if it cannot be a name
	Unfit  string // that an entry gives, and that cannot be a name
	Asks   bool   // some of it depends on the device
	Unsure bool   // its name depends on facts, which are unknown
}

// device is a device as assignments see it.
type device struct {
	facts    *facts.Facts // nil while they are unknown
	profiles []string
	values   map[string]string // for templates
}

func (a *List) device(address string, f *facts.Facts) *device {
	d := &device{facts: f}
	if f != nil && a.Profiles != nil && slices.ContainsFunc(a.Entries, func(one Assignment) bool { return one.ofProfile() }) {
		d.profiles = a.Profiles(f.SysObjectID, f.SysDescr)
	}
	d.values = f.Values(address, strings.Join(slices.Concat(d.profiles, []string{""})[:1], ""))
	return d
}

// ofProfile reports whether an assignment depends on the profile of a device.
func (a *Assignment) ofProfile() bool {
	return a.Match.Profile != "" || slices.ContainsFunc(a.templates(), func(t facts.Template) bool { return t.OfProfile() })
}

func (a *Assignment) templates() []facts.Template {
	return slices.AppendSeq([]facts.Template{a.Set.Name}, maps.Values(a.Set.Labels))
}

// ofDevice reports whether a condition depends on facts.
func (m *Match) ofDevice() bool {
	return !m.SysObjectID.IsZero() || !m.SysDescr.IsZero() || m.Profile != ""
}

// holds reports whether a device meets the conditions that depend on facts.
func (m *Match) holds(d *device) bool {
	if !m.SysObjectID.IsZero() {
		oid, err := snmp.ParseOID(d.facts.SysObjectID)
		if err != nil || !oid.HasPrefix(m.SysObjectID.OID) {
			return false
		}
	}
	return (m.SysDescr.IsZero() || m.SysDescr.MatchString(d.facts.SysDescr)) && (m.Profile == "" || slices.Contains(d.profiles, m.Profile))
}

// Apply adds the settings of all entries that match. F may be nil: entries that depend on facts do not match then.
func (a *List) Apply(t *poller.TargetSettings, f *facts.Facts) (result Outcome) {
	d := a.device(HostOf(t.Address), f)
	asListed := *t
	t.Labels = maps.Clone(t.Labels)
	for i := range a.Entries {
		one := &a.Entries[i]
		if !one.Match.matches(&asListed) {
			continue
		}
		if one.Match.ofDevice() {
			result.Asks = true
			if d.facts == nil {
				result.Unsure = result.Unsure || result.Name == "" && !one.Set.Name.IsZero()
				continue
			}
			if !one.Match.holds(d) {
				continue
			}
		}
		one.Set.apply(t, d, &result)
	}
	return result
}

func (s *Set) apply(t *poller.TargetSettings, d *device, result *Outcome) {
	t.Auth = cmp.Or(t.Auth, s.Auth)
	t.Interval.Duration = cmp.Or(t.Interval.Duration, s.Interval.Duration)
	if len(t.Modules) == 0 {
		t.Modules = slices.Clone(s.Modules)
	}
	if !s.Name.IsZero() && result.Name == "" && !result.Unsure {
		text, known := filled(&s.Name, d, result)
		switch {
		case !known:
			result.Unsure = true
		case facts.CanName(text) && seek.UsableName(text):
			result.Name = text
		case text != "":
			result.Unfit = text
		}
	}
	for name, value := range s.Labels {
		if _, there := t.Labels[name]; there {
			continue
		}
		if text, known := filled(&value, d, result); known && text != "" {
			t.Labels[name] = text
		}
	}
}

// filled returns the text that a template makes, if all is known that it depends on.
func filled(t *facts.Template, d *device, result *Outcome) (text string, known bool) {
	if t.OfDevice() {
		if result.Asks = true; d.facts == nil {
			return "", false
		}
	}
	text, err := t.Make(d.values)
	return human.Visible(text), err == nil
}

// HostOf returns an address without its protocol.
func HostOf(address string) string { return address[strings.LastIndex(address, "/")+1:] }

// Naming is the text of all templates of names: names that others have given do not stay.
func (a *List) Naming() string {
	var texts []string
	for i := range a.Entries {
		if name := &a.Entries[i].Set.Name; !name.IsZero() {
			texts = append(texts, name.Text())
		}
	}
	return strings.Join(texts, "\n")
}

// OfDevice reports whether assignments depend on facts.
func (a *List) OfDevice() bool {
	return slices.ContainsFunc(a.Entries, func(one Assignment) bool {
		return one.Match.ofDevice() || slices.ContainsFunc(one.templates(), func(t facts.Template) bool { return t.OfDevice() })
	})
}
