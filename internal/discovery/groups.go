package discovery

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
)

// The bounds of what a list says about its entries, before relabelling.
const (
	maxRawLabels   = 1024            // of an entry
	maxRawOctets   = 64 << 10        // of the labels of an entry, those of its group included
	maxGroupLabels = 32 * maxTargets // of the groups of an answer
	maxOctets      = 512 << 20       // of the labels of all entries
	labelCost      = 16              // octets that a label takes beside its name and value
)

var (
	errTooManyTargets = errors.New(tooManyTargets)
	errTooLarge       = fmt.Errorf("the labels of the list have more than %d octets", maxOctets)
)

// decodeGroups reads the groups of targets that Prometheus' lists have, as JSON. Short texts that memory holds as large
// ones, such as those of empty groups, are refused before they are decoded.
func decodeGroups(raw []byte) (groups []*targetgroup.Group, err error) {
	targets, labels := 0, 0
	err = decodeList(raw, func(d *json.Decoder) error {
		g, err := decodeGroup(d)
		if err != nil {
			return err
		}
		if targets += len(g.Targets); targets > maxTargets || len(groups) == maxTargets {
			return errTooManyTargets
		}
		if labels += len(g.Labels.set); labels > maxGroupLabels {
			return errTooLarge
		}
		groups = append(groups, g.group())
		return nil
	})
	if err != nil {
		return nil, err
	}
	return groups, nil
}

// decodeList calls a function that decodes a group, for each of a list.
func decodeList(raw []byte, each func(*json.Decoder) error) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	switch first, err := d.Token(); {
	case err != nil:
		return err
	case first != json.Delim('['):
		return fmt.Errorf("the list begins with %.40q: it must be a JSON list of groups", fmt.Sprint(first))
	}
	for d.More() {
		if err := each(d); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the list")
	}
	return nil
}

func decodeGroup(d *json.Decoder) (g *boundedGroup, err error) {
	if err := d.Decode(&g); err != nil {
		return nil, err
	}
	if g == nil {
		return nil, errors.New("a group of the list is null")
	}
	return g, nil
}

// boundedGroup is a group as it stands in a list.
type boundedGroup struct {
	Targets boundedTexts  `json:"targets"`
	Labels  boundedLabels `json:"labels"`
}

func (g *boundedGroup) group() *targetgroup.Group {
	t := &targetgroup.Group{Labels: g.Labels.set, Targets: make([]model.LabelSet, 0, len(g.Targets))}
	if t.Labels == nil {
		t.Labels = model.LabelSet{}
	}
	if g.Labels.tooMany {
		t.Labels[model.LabelName(errorLabel)] = tooManyLabels
	}
	for _, address := range g.Targets {
		t.Targets = append(t.Targets, model.LabelSet{model.AddressLabel: model.LabelValue(address)})
	}
	return t
}

const tooManyLabels = "it has more than 1,024 labels"

// boundedTexts are addresses, of which none has a quotation mark.
type boundedTexts []string

// UnmarshalJSON reads a list.
func (l *boundedTexts) UnmarshalJSON(b []byte) error {
	if bytes.Count(b, []byte{'"'})/2 > maxTargets || bytes.Count(b, []byte{','}) > maxTargets {
		return errTooManyTargets
	}
	var list []string
	err := json.Unmarshal(b, &list)
	*l = list
	return err
}

// boundedLabels are the labels of a group; none are kept of too many.
type boundedLabels struct {
	set     model.LabelSet
	tooMany bool
}

// UnmarshalJSON reads an object. Each label has four quotation marks, and a backslash may stand before two of them that do
// not belong to the text.
func (l *boundedLabels) UnmarshalJSON(b []byte) error {
	marks := bytes.Count(b, []byte{'"'}) - bytes.Count(b, []byte(`\"`))
	if l.tooMany = marks > 4*maxRawLabels; l.tooMany {
		return nil
	}
	return json.Unmarshal(b, &l.set)
}

// entries returns the labels of the targets of groups. Those of an entry that are too large are replaced by an error. The
// error of the function is that of a list that is too large.
func entries(groups []*targetgroup.Group, most int) (all [][]labels.Labels, err error) {
	octets := 0
	for _, g := range groups {
		common := sizeOf(g.Labels)
		list := make([]labels.Labels, 0, min(len(g.Targets), most))
		for _, t := range g.Targets[:min(len(g.Targets), most)] {
			merge := merged
			if len(t)+len(g.Labels) > maxRawLabels || common+sizeOf(t) > maxRawOctets {
				merge = oversized
			}
			entry := merge(t, g.Labels)
			if octets += octetsOf(entry); octets > maxOctets {
				return nil, errTooLarge
			}
			list = append(list, entry)
		}
		most -= len(list)
		all = append(all, list)
	}
	return all, nil
}

// octetsOf returns how many octets the labels of entries count for.
func octetsOf(entries ...labels.Labels) (octets int) {
	for _, e := range entries {
		octets += int(e.ByteSize()) + e.Len()*labelCost
	}
	return octets
}

func sizeOf(set model.LabelSet) (octets int) {
	for name, value := range set {
		octets += len(name) + len(value) + labelCost
	}
	return octets
}

// oversized returns an entry that says why it is none, and what it is called.
func oversized(target, group model.LabelSet) labels.Labels {
	text := fmt.Sprintf("its labels have more than %d octets", maxRawOctets)
	if len(target)+len(group) > maxRawLabels {
		text = tooManyLabels
	}
	b := labels.NewBuilder(labels.FromStrings(errorLabel, text))
	for _, set := range []model.LabelSet{group, target} {
		for _, name := range []model.LabelName{nameLabel, instanceLabel, model.AddressLabel} {
			if value := set[name]; value != "" {
				b.Set(string(name), shortened(string(value)))
			}
		}
	}
	return b.Labels()
}

// merged returns the labels of a target of a group: those of the target come before those of the group.
func merged(target, group model.LabelSet) labels.Labels {
	b := labels.NewBuilder(labels.EmptyLabels())
	for _, set := range []model.LabelSet{group, target} {
		for name, value := range set {
			b.Set(string(name), string(value))
		}
	}
	return b.Labels()
}
