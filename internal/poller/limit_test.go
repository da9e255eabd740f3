package poller

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"trapline/internal/profile"
)

// That auto does not search for all enterprises of a target is logged once.
func TestLimitOfEnterprisesIsLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	p := New(Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	s, target := &state{}, &Target{Name: "many"}
	for _, choice := range []*profile.Choice{nil, {}, {More: true, Enterprises: []uint32{1, 2}}, {More: true}, {}, {More: true}} {
		p.reportLimit(s, target, &Pass{Choice: choice})
	}
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "target=many") || !strings.Contains(text, "enterprises=2") {
		t.Error(text)
	}
}
