package discovery

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/facts"
	"trapline/internal/human"
	"trapline/internal/seek"
)

// maxTargets bounds the targets of a list.
const maxTargets = 200_000

const tooManyTargets = "the list has more than 200,000 targets"

// Labels with a meaning, beside those of Prometheus.
const (
	paramPrefix   = model.ParamLabelPrefix
	nameLabel     = seek.NameLabel
	instanceLabel = "instance"
	jobLabel      = "job"
	metaLabel     = "__meta_trapline_"
)

// maxLabels and maxLabelLength bound the labels of a target.
const (
	maxLabels      = 64
	maxLabelLength = 4096
)

// keyLabel returns the label that stands for a key of targets.
func keyLabel(key string) string { return "__trapline_" + key + "__" }

// errorLabel makes an entry of a list one that is no target, for the reason that it says.
var errorLabel = keyLabel("error")

// nameOf names a target whose labels were refused.
func nameOf(raw labels.Labels) string {
	return human.Visible(cmp.Or(raw.Get(nameLabel), raw.Get(instanceLabel), raw.Get(paramPrefix+"target"), raw.Get(model.AddressLabel), fmt.Sprint(shownLabels(raw))))
}

// shownLabels are the labels that anybody may see: those with __ may hold the URL of the list, with its password.
func shownLabels(raw labels.Labels) labels.Labels {
	b := labels.NewBuilder(labels.EmptyLabels())
	raw.Range(func(l labels.Label) {
		if !strings.HasPrefix(l.Name, model.ReservedLabelPrefix) {
			b.Set(l.Name, l.Value)
		}
	})
	return b.Labels()
}

// factsOf returns the facts that labels carry, nil if they carry none.
func factsOf(get func(label string) string) *facts.Facts {
	f := facts.Facts{
		SysName: get(metaLabel + "sysname"), SysDescr: get(metaLabel + "sysdescr"), SysObjectID: get(metaLabel + "sysobjectid"), SysLocation: get(metaLabel + "syslocation"),
	}
	if f.SysObjectID == "" {
		return nil
	}
	return f.Lines()
}
