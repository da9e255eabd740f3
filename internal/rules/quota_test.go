package rules

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"trapline/internal/rules/quota"
)

// A device that has other rows in each poll adds no more series than its quota lets it, whatever it does; the rows that
// it had before raise and clear their alarms as if the others were not there.
func TestRowsThatAreAlwaysNewAreBounded(t *testing.T) {
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 4))
		var text bytes.Buffer
		r := start(t, hot)
		r.e.logger = slog.New(slog.NewTextHandler(&text, nil))
		d := r.e.device("sw1")
		stable := 1 + random.IntN(20)
		d.quota.Max, d.quota.PerHour = stable+random.IntN(100), float64(random.IntN(1000))
		d.quota.Fresh = float64(d.quota.Max)
		values := make([]int, stable)
		rows := func(others int) (list []string) {
			for range others {
				list = append(list, fmt.Sprintf(`temperature{i="x%d"} 41`, random.Uint64()))
			}
			for i := range values {
				list = append(list, fmt.Sprintf(`temperature{i="%d"} %d`, i, values[i]))
			}
			return list
		}
		r.poll(rows(0)...)
		begin, own := r.now, int(r.e.series())
		offered, raised := 0.0, make([]bool, stable)
		for range 40 {
			if random.IntN(6) == 0 {
				r.fail()
				continue
			}
			i := random.IntN(stable)
			values[i] = 20 + random.IntN(2)*21
			others := random.IntN(60)
			offered += float64(others)
			r.poll(rows(others)...)
			_ = r.take()
			held := float64(int(r.e.series()) - own)
			if limit := float64(d.quota.Max-stable) + r.now.Sub(begin).Hours()*d.quota.PerHour; held > limit {
				t.Fatalf("seed %d: %v series were added, %v may be", seed, held, limit)
			}
			if refused := testutil.ToFloat64(r.e.metrics.refused); held+refused != offered {
				t.Fatalf("seed %d: %v series are stored and %v refused of %v", seed, held, refused, offered)
			}
			for i := range raised {
				raised[i] = false
			}
			for _, a := range r.e.statuses()["g/Hot"].alerts {
				var n int
				if _, err := fmt.Sscan(a.Labels.Get("i"), &n); err == nil {
					raised[n] = true
				}
			}
			for i, v := range values {
				if raised[i] != (v > 40) {
					t.Fatalf("seed %d: the alarm of row %d at %d: %v", seed, i, v, raised[i])
				}
			}
			if x := r.e.Excesses(); (len(x) == 1) != (d.quota.Refused > 0) {
				t.Fatalf("seed %d: %+v, %d refused", seed, x, d.quota.Refused)
			}
		}
		if n := strings.Count(text.String(), "too many series"); n > 1 || (n == 1) != (testutil.ToFloat64(r.e.metrics.refused) > 0) {
			t.Errorf("seed %d: logged %d times", seed, n)
		}
	}
}

// Rows that come back count for nothing, however often they go, and however few may be new.
func TestRowsThatComeBackAreFree(t *testing.T) {
	r := start(t, hot)
	r.options.OnPollFailure = resolve
	r.configure()
	d := r.e.device("sw1")
	r.poll(`temperature{i="1"} 41`)
	r.want("it is hot", "raise Hot i=1")
	d.quota.Max, d.quota.Fresh, d.quota.PerHour = 0, 0, 0
	for range 20 {
		r.fail()
		r.want("it does not answer", "clear Hot i=1 (the target does not answer)")
		r.poll(`temperature{i="2"} 41`, `temperature{i="1"} 41`)
		r.want("it answers", "raise Hot i=1")
	}
	d.quota.Max, d.quota.Fresh = 10, 1
	r.poll(`temperature{i="2"} 41`, `temperature{i="1"} 41`)
	r.want("a row may be new", "raise Hot i=2")
	if x := r.e.Excesses(); len(x) != 0 {
		t.Errorf("still %+v", x)
	}
}

// The limits hold for a device whose rows are new every four seconds.
func TestQuotaOfAnHour(t *testing.T) {
	q, at, added := quota.New(), time.Unix(0, 0), 0
	for range 3600 / 4 {
		q.Begin(at, 3000)
		for range 3000 {
			if q.Admit() {
				added++
			}
		}
		at = at.Add(4 * time.Second)
	}
	if added < quota.MaxSeries || added > quota.MaxSeries+quota.NewSeriesPerHour {
		t.Errorf("%d series are added in an hour", added)
	}
}
