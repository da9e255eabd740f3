package fleet

import (
	"slices"
	"strings"

	"trapline/internal/api"
	"trapline/internal/mute"
	"trapline/internal/poller"
)

// Device is a target with the facts that service discovery has of it beside its settings.
type Device struct {
	Target                   *poller.Target
	Profile, Vendor, SysName string // "" where unknown
}

// matchParameter is a parameter of matchers, as of Prometheus' federation.
const matchParameter = "match[]"

// Devices returns the targets that parameters select, sorted by name: each key with one of its values, and the matchers of
// one match[].
func (f *Fleet) Devices(parameters map[string][]string) ([]Device, error) {
	var all [][]condition // of each, one must hold
	var either [][]condition
	for key, values := range parameters {
		if key == matchParameter {
			for _, text := range values {
				m, err := mute.Parse(text)
				if err != nil {
					return nil, api.WithHint(api.Errorf(api.ErrBadRequest, "%v", err), `write match[]={site="berlin",profile=~"ups.*"}`)
				}
				c, err := compiled(termsOf(m))
				if err != nil {
					return nil, err
				}
				either = append(either, c)
			}
			continue
		}
		var one []condition
		for _, value := range values {
			if key == "up" && value != "0" && value != "1" {
				return nil, api.WithHint(api.Errorf(api.ErrBadRequest, "up is %q", value), "write up=1, or up=0 for those that do not answer")
			}
			one = append(one, condition{Term: api.Term{Key: key, Value: value}})
		}
		all = append(all, one)
	}
	var list []Device
	for _, u := range f.polls.Summaries() {
		if selects(u, all, either) {
			list = append(list, deviceOf(u))
		}
	}
	if f.Elsewhere != nil {
		for _, t := range f.Elsewhere() {
			if u := poller.Unpolled(t); selects(u, all, either) {
				list = append(list, Device{Target: t})
			}
		}
		slices.SortFunc(list, func(a, b Device) int { return strings.Compare(a.Target.Name, b.Target.Name) })
	}
	return list, nil
}

func selects(u *poller.Summary, all, either [][]condition) bool {
	holds := func(c condition) bool { return c.holds(u) }
	for _, one := range all {
		if !slices.ContainsFunc(one, holds) {
			return false
		}
	}
	fails := func(c condition) bool { return !c.holds(u) }
	return len(either) == 0 || slices.ContainsFunc(either, func(c []condition) bool { return !slices.ContainsFunc(c, fails) })
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
