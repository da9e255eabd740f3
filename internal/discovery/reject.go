package discovery

import (
	"errors"
	"fmt"

	"github.com/prometheus/prometheus/model/labels"
)

// Rejection is an entry of a list that is not polled.
type Rejection struct {
	List   string
	Name   string
	Reason string // one of Reasons
	Text   string
}

// The reasons of rejections.
const (
	rejectRow       = "row"       // a line of a file is no target
	rejectAddress   = "address"   // there is none
	rejectSetting   = "setting"   // it cannot be polled with its settings
	rejectLabels    = "labels"    // too many, or too long
	rejectDuplicate = "duplicate" // its name is taken
	rejectTooMany   = "too_many"  // the list has its 200,000 targets
)

// Reasons are the reasons of rejections.
var Reasons = []string{rejectRow, rejectAddress, rejectSetting, rejectLabels, rejectDuplicate, rejectTooMany}

// refusal is why labels are no target.
type refusal struct {
	reason string
	err    error
}

func (r *refusal) Error() string { return r.err.Error() }

func (r *refusal) Unwrap() error { return r.err }

func refuse(reason, format string, args ...any) error {
	return &refusal{reason, fmt.Errorf(format, args...)}
}

// errorLabel makes an entry of a list one that is no target, for the reason that it says.
var errorLabel = keyLabel("error")

// rejection returns the rejection of an entry by an error.
func rejection(list string, raw labels.Labels, err error) Rejection {
	reason := rejectSetting
	if r := (*refusal)(nil); errors.As(err, &r) {
		reason = r.reason
	}
	return Rejection{list, nameOf(raw), reason, err.Error()}
}
