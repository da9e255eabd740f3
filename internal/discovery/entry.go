package discovery

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"

	"trapline/internal/poller"
)

// Entry is a target of a list. It is not changed once made.
type Entry struct {
	List   string // name of the entry of `discovery`
	Target poller.TargetSettings

	raw labels.Labels // as the list has them
}

// maker makes entries of the labels of a list.
type maker struct {
	list    string
	relabel []*relabel.Config
	job     job
	assign  []Assignment
	usual   func(*poller.TargetSettings) error // completes and checks a target
	known   map[labels.Labels]*made
}

// made is the target of labels, or why there is none.
type made struct {
	entry *Entry // nil: the labels were dropped, or refused
	err   error
}

// entry returns the target with labels, nil if relabelling drops it. Labels that were seen before have the same entry.
func (m *maker) entry(raw labels.Labels) (*Entry, error) {
	k := m.known[raw]
	if k == nil {
		e, err := m.make(raw)
		k = &made{e, err}
		m.known[raw] = k
	}
	return k.entry, k.err
}

func (m *maker) make(raw labels.Labels) (*Entry, error) {
	if text := raw.Get(errorLabel); text != "" {
		return nil, refuse(rejectRow, "%s", text)
	}
	b := labels.NewBuilder(raw)
	m.job.label(b)
	if keep, err := relabelled(b, m.relabel); err != nil || !keep {
		return nil, err
	}
	l := b.Labels()
	t, err := m.job.target(l)
	if err != nil {
		return nil, err
	}
	if err := checkTexts(&t); err != nil {
		return nil, err
	}
	if err := assign(m.assign, &t); err != nil {
		return nil, err
	}
	if m := slices.Concat(t.Problems(), t.Params.Problems()); len(m) > 0 {
		return nil, errors.New(m[0].Text)
	}
	if err := m.usual(&t); err != nil {
		return nil, err
	}
	return &Entry{List: m.list, Target: t, raw: raw}, nil
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
	t.Name = cmp.Or(l.Get(nameLabel), l.Get(instanceLabel), t.Address[strings.LastIndex(t.Address, "/")+1:])
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
