package discovery

import (
	"errors"
	"fmt"
	"strings"

	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/human"
	"trapline/internal/poller"
	"trapline/internal/seek"
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

// The reasons why a target does not have the name that its facts give.
const (
	namingUnfit = "unfit" // it cannot be a name
	namingTaken = "taken" // another target has it
	namingKept  = "kept"  // the target has another one, which it keeps
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

// maxText is how many octets of names, addresses and reasons are taken.
const maxText = 512

// shortened returns the beginning of a text that is shown.
func shortened(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}

// checkTexts refuses names and addresses that no person wrote.
func checkTexts(t *poller.TargetSettings) error {
	switch misleading := seek.Misleading(t.Name); {
	case len(t.Name) > maxText:
		return refuse(rejectSetting, "the name has more than %d octets", maxText)
	case misleading != "":
		return refuse(rejectSetting, "%s", misleading)
	case len(t.Address) > maxText:
		return refuse(rejectAddress, "the address has more than %d octets", maxText)
	case seek.NoDevice(t.Address) != "":
		return refuse(rejectAddress, "%s", seek.NoDevice(t.Address))
	}
	return nil
}

// maxFirst is how many rejections of a list are shown.
const maxFirst = 100

// noted adds a rejection, of which only the reason is kept once more are there than are shown.
func noted(list []Rejection, r Rejection) []Rejection {
	if len(list) >= maxFirst {
		r = Rejection{Reason: r.Reason}
	}
	return append(list, r)
}

// rejection returns the rejection of an entry by an error.
func rejection(list string, raw labels.Labels, err error) Rejection {
	reason := rejectSetting
	if r := (*refusal)(nil); errors.As(err, &r) {
		reason = r.reason
	}
	return Rejection{list, shortened(nameOf(raw)), reason, shortened(human.Visible(err.Error()))}
}
