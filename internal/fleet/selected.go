package fleet

import (
	"maps"
	"slices"
	"strings"

	"trapline/internal/api"
	"trapline/internal/mute"
	"trapline/internal/poller"
	"trapline/internal/setting"
)

// Device is a target with the facts that service discovery has of it beside its settings.
type Device struct {
	Target                   *poller.Target
	Profile, Vendor, SysName string // "" where unknown
}

// matchParameter is a parameter of matchers, as of Prometheus' federation.
const matchParameter = "match[]"

// Selection is what parameters select: each key with one of its values, and the matchers of one match[].
type Selection struct {
	all    [][]condition // of each, one must hold
	either [][]condition // of one, each must hold
}

// Select returns the selection of parameters.
func Select(parameters map[string][]string) (s Selection, err error) {
	for key, values := range parameters {
		if key == matchParameter {
			for _, text := range values {
				m, err := mute.Parse(text)
				if err != nil {
					return s, api.WithHint(api.Errorf(api.ErrBadRequest, "%v", err), `write match[]={site="berlin",profile=~"ups.*"}`)
				}
				c, err := compiled(termsOf(m))
				if err != nil {
					return s, err
				}
				s.either = append(s.either, c)
			}
			continue
		}
		var one []condition
		for _, value := range values {
			if key == "up" && value != "0" && value != "1" {
				return s, api.WithHint(api.Errorf(api.ErrBadRequest, "up is %q", value), "write up=1, or up=0 for those that do not answer")
			}
			one = append(one, condition{Term: api.Term{Key: key, Value: value}})
		}
		s.all = append(s.all, one)
	}
	return s, nil
}

// keys are the conditions that are about no label.
var keys = []string{"address", "auth", "discovery", "error", "kind", "module", "name", "profile", "reason", "state", poller.TargetLabel, "up", "vendor"}

// maxShown is how many names of labels an error has.
const maxShown = 30

// Unknown returns the error of a selection by a label that none of the targets has, or nil.
func (s Selection) Unknown(targets []*poller.Target) error {
	known := map[string]bool{}
	for _, t := range targets {
		for name := range t.Labels {
			known[name] = true
		}
	}
	for _, c := range slices.Concat(slices.Concat(s.all...), slices.Concat(s.either...)) {
		if c.Value == "" || known[c.Key] || len(targets) == 0 || slices.Contains(keys, c.Key) {
			continue
		}
		labels := slices.Sorted(maps.Keys(known))
		err := api.Errorf(api.ErrBadRequest, "no target has a label %q", c.Key)
		if near := setting.DidYouMean(c.Key, slices.Concat(labels, keys)); near != "" {
			return api.WithHint(err, near)
		}
		more := ""
		if len(labels) > maxShown {
			labels, more = labels[:maxShown], ", …"
		}
		return api.WithHint(err, "write one of "+strings.Join(slices.Concat(keys, labels), ", ")+more)
	}
	return nil
}

// Devices returns the targets that parameters select, sorted by name.
func (f *Fleet) Devices(parameters map[string][]string) (list []Device, err error) {
	s, err := Select(parameters)
	if err != nil {
		return nil, err
	}
	f.EachDevice(s, func(d Device, selected bool) {
		if selected {
			list = append(list, d)
		}
	})
	return list, nil
}

// EachDevice calls each for all targets, sorted by name, and says whether they are selected.
func (f *Fleet) EachDevice(s Selection, each func(d Device, selected bool)) {
	for _, u := range f.polls.Summaries() {
		each(deviceOf(u), s.selects(func(c condition) bool { return c.holds(u) }))
	}
}

// Selects reports whether a target is selected of which nothing is known but its settings and these facts.
func (s Selection) Selects(d *Device) bool {
	u := poller.Unpolled(d.Target)
	return s.selects(func(c condition) bool {
		switch c.Key {
		case "kind", "profile":
			return c.is(d.Profile) != c.Not
		case "vendor":
			return c.is(d.Vendor) != c.Not
		case "state":
			return c.is(string(api.Unknown)) != c.Not
		}
		return c.holds(u)
	})
}

func (s Selection) selects(holds func(condition) bool) bool {
	for _, one := range s.all {
		if !slices.ContainsFunc(one, holds) {
			return false
		}
	}
	fails := func(c condition) bool { return !holds(c) }
	return len(s.either) == 0 || slices.ContainsFunc(s.either, func(c []condition) bool { return !slices.ContainsFunc(c, fails) })
}

func termsOf(m mute.Matchers) (list []api.Term) {
	for _, one := range m {
		list = append(list, api.Term{
			Key: one.Name, Value: one.Value,
			Not: !mute.IsPositive(one), Expression: mute.IsExpression(one),
		})
	}
	return list
}

func deviceOf(u *poller.Summary) Device {
	d := Device{Target: u.Target, Profile: chosenFor(u), Vendor: vendorOf(u)}
	if u.Identity != nil {
		d.SysName = u.Identity.SysName
	}
	return d
}

// DevicesVersion changes when the answer of Devices may. It differs between processes.
func (f *Fleet) DevicesVersion() [2]uint64 {
	return [2]uint64{uint64(f.started.UnixNano()), f.polls.Described()}
}
