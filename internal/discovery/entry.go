package discovery

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"

	"trapline/internal/assign"
	"trapline/internal/facts"
	"trapline/internal/poller"
)

// Entry is a target of a list. It is not changed once made.
type Entry struct {
	List   string // name of the entry of `discovery`
	Target poller.TargetSettings

	raw      labels.Labels // as the list has them
	key      facts.Key
	assigned bool   // `assign` decides its name
	unnamed  *Entry // the same under its address, if it was given a name; else nil
}

// maker makes entries of the labels of a list.
type maker struct {
	list    string
	relabel []*relabel.Config
	job     job
	assign  assign.List
	usual   func(*poller.TargetSettings) error // completes and checks a target
	book    *facts.Book
	hold    bool // devices are asked for their names, and not polled until then
	known   map[labels.Labels]*made
}

// made is the target of labels, or why there is none.
type made struct {
	entry *Entry // nil: the labels were dropped, or refused, or wait
	err   error

	key   facts.Key
	stamp uint64 // of the facts that it was made of
	asks  bool   // it depends on facts that are unknown
	waits bool   // its name does, and it is not polled until it was asked
	fresh bool   // it has just got its name
	given bool   // it has a name that it got
	wants string // the name that its facts give
	unfit string // a name that it cannot have

	nameless bool // it is polled under its address until its facts name it

	target *poller.TargetSettings // to ask with; nil unless it asks
}

// entry returns the target with labels, without an entry if relabelling drops it. Labels that were seen before have the
// same entry, unless facts about the device changed it.
func (m *maker) entry(raw labels.Labels) *made {
	k := m.known[raw]
	if k == nil || k.stamp != m.book.Stamp(k.key) {
		before := k
		k = m.make(raw)
		if before != nil && before.entry != nil && k.entry != nil && reflect.DeepEqual(before.entry.Target, k.entry.Target) {
			k.entry = before.entry
		}
		m.known[raw] = k
	}
	return k
}

func (m *maker) make(raw labels.Labels) *made {
	if text := raw.Get(errorLabel); text != "" {
		return &made{err: refuse(rejectRow, "%s", text)}
	}
	b := labels.NewBuilder(raw)
	m.job.label(b)
	if keep, err := relabelled(b, m.relabel); err != nil || !keep {
		return &made{err: err}
	}
	l := b.Labels()
	t, err := m.job.target(l)
	if err == nil {
		err = checkTexts(&t)
	}
	if err != nil {
		return &made{err: err}
	}
	return m.target(raw, l, t)
}

// target completes a target of labels.
func (m *maker) target(raw, l labels.Labels, t poller.TargetSettings) *made {
	k := &made{key: facts.Key{Address: t.Address, Context: t.Context, Engine: t.ContextEngineID}}
	record := m.book.Get(k.key)
	k.stamp = m.book.Stamp(k.key)
	f := factsOf(l.Get)
	if f == nil {
		f = record.Facts
	}
	a := m.assign.Apply(&t, f)
	if len(t.Labels) > maxLabels {
		k.err = refuse(rejectLabels, "it has more than %d labels", maxLabels)
		return k
	}
	k.wants, k.unfit = a.Name, a.Unfit
	if a.Asks && f == nil {
		k.asks, k.target = true, &t
	}
	e := &Entry{List: m.list, raw: raw, key: k.key}
	address := assign.HostOf(t.Address)
	switch {
	case t.Name != "" && t.Name != address && t.Name != t.Address: // its list names it
		k.wants, k.unfit = "", ""
	case record.Name != "" && (a.Name != "" || a.Unsure):
		t.Name, k.given, e.assigned = record.Name, true, true
	case a.Unsure && m.hold && !record.Polled:
		k.waits = true
		return k
	case a.Name != "":
		t.Name, k.fresh, e.assigned = a.Name, true, true
	default:
		t.Name, e.assigned, k.nameless = cmp.Or(t.Name, address), a.Asks, a.Unsure
	}
	if e.Target, k.err = m.checked(t); k.err != nil {
		return k
	}
	if k.fresh || k.given {
		t.Name = address
		e.unnamed = &Entry{List: m.list, raw: raw, key: k.key, assigned: true}
		e.unnamed.Target, _ = m.checked(t)
	}
	k.entry = e
	return k
}

// checked returns a target with all settings that it needs, or the error in them.
func (m *maker) checked(t poller.TargetSettings) (poller.TargetSettings, error) {
	if m := slices.Concat(t.Problems(), t.Params.Problems()); len(m) > 0 {
		return t, errors.New(m[0].Text)
	}
	return t, m.usual(&t)
}

// relabelled has labels pass the rules, each of which may make them longer: twice as long by $1$1.
func relabelled(b *labels.Builder, rules []*relabel.Config) (keep bool, err error) {
	for _, rule := range rules {
		if !relabel.ProcessBuilder(b, rule) {
			return false, nil
		}
		octets := 0
		b.Range(func(l labels.Label) { octets += len(l.Name) + len(l.Value) })
		if octets > 2*maxRawOctets {
			return false, refuse(rejectLabels, "relabel_configs make labels of %d octets of it", octets)
		}
	}
	return true, nil
}

// target returns the settings that labels say, in the way of a scrape job for snmp_exporter.
func (j *job) target(l labels.Labels) (t poller.TargetSettings, err error) {
	t.Address = cmp.Or(j.first(l, "target"), l.Get(model.AddressLabel))
	if t.Address == "" {
		return t, refuse(rejectAddress, "neither %starget nor %s is set", paramPrefix, model.AddressLabel)
	}
	t.Name = cmp.Or(l.Get(nameLabel), l.Get(instanceLabel))
	t.Auth = j.first(l, "auth")
	t.Context = j.first(l, "snmp_context")
	t.Modules = j.modules(l)
	if text := l.Get(model.ScrapeIntervalLabel); text != "" {
		d, err := model.ParseDuration(text)
		if err != nil {
			return t, fmt.Errorf("%s: %w", model.ScrapeIntervalLabel, err)
		}
		t.Interval.Duration = time.Duration(d)
	}
	if err := setKeys(&t, l); err != nil {
		return t, err
	}
	t.Labels, err = ownLabels(l)
	return t, err
}

// ownLabels returns the labels that series have.
func ownLabels(l labels.Labels) (map[string]string, error) {
	own := map[string]string{}
	var err error
	l.Range(func(label labels.Label) {
		switch {
		case strings.HasPrefix(label.Name, model.ReservedLabelPrefix) || label.Name == instanceLabel || label.Name == jobLabel:
		case len(own) == maxLabels:
			err = refuse(rejectLabels, "it has more than %d labels", maxLabels)
		case len(label.Name)+len(label.Value) > maxLabelLength:
			err = refuse(rejectLabels, "label %.40q has more than %d octets", label.Name, maxLabelLength)
		default:
			own[label.Name] = label.Value
		}
	})
	return own, err
}

// forget removes labels that are not in use.
func (m *maker) forget(used []labels.Labels) {
	if len(m.known) <= 2*len(used) {
		return
	}
	known := make(map[labels.Labels]*made, len(used))
	for _, raw := range used {
		if k := m.known[raw]; k != nil {
			known[raw] = k
		}
	}
	m.known = known
}
