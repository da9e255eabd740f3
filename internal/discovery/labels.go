package discovery

import (
	"cmp"
	"fmt"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/human"
)

// maxTargets bounds the targets of a list.
const maxTargets = 200_000

const tooManyTargets = "the list has more than 200,000 targets"

// Labels with a meaning, beside those of Prometheus.
const (
	paramPrefix   = model.ParamLabelPrefix
	nameLabel     = "__trapline_name__" // keyLabel("name")
	instanceLabel = "instance"
	jobLabel      = "job"
)

// maxLabels and maxLabelLength bound the labels of a target.
const (
	maxLabels      = 64
	maxLabelLength = 4096
)

// keyLabel returns the label that stands for a key of targets.
func keyLabel(key string) string { return "__trapline_" + key + "__" }

// nameOf names a target whose labels were refused.
func nameOf(raw labels.Labels) string {
	return human.Visible(cmp.Or(raw.Get(nameLabel), raw.Get(instanceLabel), raw.Get(paramPrefix+"target"), raw.Get(model.AddressLabel), fmt.Sprint(raw)))
}
