package rules

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/throttle"
)

// Samples that cannot be stored clear no alarm and raise none: a condition that is true all the time is raised once,
// and one that ends meanwhile is cleared once samples are stored again.
func TestNothingIsClearedForWantOfSamples(t *testing.T) {
	for name, rule := range map[string]string{
		"a value":       hot,
		"for":           `{alert: Hot, expr: temperature > 40, for: 1m}`,
		"kept":          `{alert: Hot, expr: temperature > 40, keep_firing_for: 1m}`,
		"a rate":        `{alert: Hot, expr: 'rate(octets_total[2m]) > 10'}`,
		"a short rate":  `{alert: Hot, expr: 'rate(octets_total[1m]) > 10'}`,
		"an average":    `{alert: Hot, expr: 'avg_over_time(temperature[2m]) > 40'}`,
		"a subquery":    `{alert: Hot, expr: 'max_over_time(rate(octets_total[1m])[2m:30s]) > 10'}`,
		"hysteresis":    `{alert: Hot, expr: 'temperature > 40 or temperature > 20 and on (target, i) ALERTS{alertname="Hot", alertstate="firing"}'}`,
		"of all":        `{alert: Hot, expr: 'count(temperature > 40) > 0'}`,
		"rate of all":   `{alert: Hot, expr: 'sum(rate(octets_total[2m])) > 10'}`,
		"rarely":        `]}, {name: rare, interval: 3m, rules: [{alert: Hot, expr: 'sum(rate(octets_total[1m])) > 10'}]}, {name: h, interval: 30s, rules: [{alert: Other, expr: x > 1}`,
		"by a recorded": `{record: x, expr: temperature}, {alert: Hot, expr: x > 40}`,
	} {
		for _, lost := range []int{1, 3, 20} {
			for _, ends := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %d passes, ends=%t", name, lost, ends), func(t *testing.T) {
					r := start(t, rule+`, {alert: Gone, expr: absent(temperature)}`)
					octets := 0
					passes := func(n int, warm bool) {
						for range n {
							value := 10
							if warm {
								octets, value = octets+3000, 50
							}
							r.poll(fmt.Sprintf(`temperature{i="1"} %d`, value), fmt.Sprintf(`octets_total{i="1"} %d`, octets))
						}
					}
					passes(8, true)
					if got := r.take(); !strings.HasPrefix(got, "raise Hot") {
						t.Fatalf("hot: sent %q", got)
					}
					r.e.queryEngine.Load().store.fault = func() error { return syscall.ENOSPC }
					passes(lost, !ends)
					r.want("while nothing can be stored", "")
					if err := r.e.Healthy(); !errors.Is(err, syscall.ENOSPC) {
						t.Errorf("while nothing can be stored: healthy: %v", err)
					}
					r.e.queryEngine.Load().store.fault = nil
					passes(1, !ends)
					if err := r.e.Healthy(); err != nil {
						t.Error(err)
					}
					passes(30, !ends)
					got, want := r.take(), ""
					if ends {
						want = "clear Hot"
					}
					if (got == "") != (want == "") || !strings.HasPrefix(got, want) || strings.Contains(got, ",") {
						t.Errorf("after that: sent %q, want %q", got, want)
					}
				})
			}
		}
	}
}

// A row that vanished while nothing could be stored is gone once something can.
func TestRowsThatVanishWhileNothingCanBeStored(t *testing.T) {
	r := start(t, hot)
	r.warm()
	r.want("warm", "raise Hot i=1")
	r.e.queryEngine.Load().store.fault = func() error { return syscall.ENOSPC }
	r.poll(`temperature{i="2"} 20`)
	r.want("nothing can be stored", "")
	r.e.queryEngine.Load().store.fault = nil
	r.poll(`temperature{i="2"} 20`)
	r.want("it can", "clear Hot i=1 (the row is gone)")
}

// Failures to store samples are counted, and logged, but not at every poll.
func TestLostSamplesAreSaidOnce(t *testing.T) {
	r := start(t, hot)
	var text bytes.Buffer
	r.e.throttled = throttle.New(slog.New(slog.NewTextHandler(&text, nil)))
	r.warm()
	r.e.queryEngine.Load().store.fault = func() error { return syscall.ENOSPC }
	for range 10 {
		r.warm()
	}
	if n := strings.Count(text.String(), "\n"); n != 1 || !strings.Contains(text.String(), `level=ERROR msg="samples cannot be stored: rules that look at them stay as they are" target=sw1 err="no space left on device"`) {
		t.Errorf("logged\n%s", &text)
	}
	if n := testutil.ToFloat64(r.e.metrics.rejected); n != 10 {
		t.Errorf("counted %v", n)
	}
}

// A sample that the store refuses freezes the rules that look at its series, and no others.
func TestRefusedSamplesFreezeTheirRules(t *testing.T) {
	r := start(t, hot+`, {alert: Wet, expr: humidity > 40}`)
	r.poll(`temperature{i="1"} 50`, `humidity{i="1"} 50`)
	if got := r.take(); got != "raise Hot i=1, raise Wet i=1" && got != "raise Wet i=1, raise Hot i=1" {
		t.Errorf("sent %q", got)
	}
	d := r.e.device("sw1")
	d.lost.Store(&loss{errors.New("out of order"), map[string]bool{"temperature": true}})
	for _, b := range d.instances {
		if got, want := d.lost.Load().of(b.rule), b.rule.Alert == "Hot"; got != want {
			t.Errorf("%s: %t", b.rule.Alert, got)
		}
	}
	if r.e.lossFor(d.instances[0].rule) == nil {
		t.Error("global rules are not frozen")
	}
}

// Refused samples and faults of the log are exposed by their reasons.
func TestFaultsOfTheStoreAreExposed(t *testing.T) {
	r := start(t, hot)
	r.warm()
	a := r.e.queryEngine.Load().store.samples.Appender()
	if _, err := a.Append(0, labels.FromStrings("__name__", "temperature", "target", "sw1", "i", "1"), 1, 1); err == nil {
		t.Error("a sample of long ago is taken")
	}
	a.Rollback()
	want := `
		# HELP trapline_rules_store_faults_total Samples that the store of rules refused, and faults of its files, by reason.
		# TYPE trapline_rules_store_faults_total counter
		trapline_rules_store_faults_total{reason="out_of_order"} 1
		trapline_rules_store_faults_total{reason="wal_corruption"} 0
		trapline_rules_store_faults_total{reason="wal_write"} 0
	`
	if err := testutil.CollectAndCompare(storeFaults(r.e.faults), strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}
