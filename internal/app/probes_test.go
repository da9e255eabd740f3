package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// However many devices answer, so many are remembered, and one that stops is not.
func TestDevicesThatAnsweredAreRemembered(t *testing.T) {
	var p probes
	for i := range maxAnswered + 100 {
		p.note(fmt.Sprint(i), true)
		if !p.answers(fmt.Sprint(i)) || len(p.answered) > maxAnswered {
			t.Fatalf("after %d: %d are remembered", i, len(p.answered))
		}
	}
	p.note("99", true)
	if p.note("99", false); p.answers("99") {
		t.Error("a device that stopped to answer is taken for one that does")
	}
}

// A pass on demand has a deadline, whatever the client says of its own.
func TestPassesOnDemandHaveADeadline(t *testing.T) {
	offset := 500 * time.Millisecond
	s := &server{options: &Options{TimeoutOffset: offset}}
	for header, want := range map[string]time.Duration{
		"": maxScrapeTime, "0": maxScrapeTime, "-1": maxScrapeTime, "NaN": maxScrapeTime, "ten": maxScrapeTime,
		"10": 9500 * time.Millisecond, "0.5": 500 * time.Millisecond, "1e300": maxTimeout - offset, "+Inf": maxTimeout - offset,
	} {
		r := httptest.NewRequest(http.MethodGet, "/snmp", nil)
		r.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", header)
		begin := time.Now()
		ctx, cancel := s.withinScrape(r)
		deadline, ok := ctx.Deadline()
		if got := deadline.Sub(begin); !ok || got < want || got > want+time.Minute {
			t.Errorf("%q: a deadline %v from now, want %v", header, got, want)
		}
		cancel()
	}
}
