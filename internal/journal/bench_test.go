package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"trapline/internal/mute"
)

// lives writes the entries of alarms that come and go on many devices, of which two receivers are notified.
type lives struct {
	random *rand.Rand
	seq    uint64
	now    time.Time
}

func (l *lives) next() (list []Event, id string) {
	device, port := l.random.IntN(10_000), l.random.IntN(48)+1
	sum := sha256.Sum256(fmt.Appendf(nil, "%d/%d", device, port))
	id = hex.EncodeToString(sum[:16])
	target, resource := fmt.Sprintf("access-%05d", device), fmt.Sprintf("ifIndex=%d;ifName=Gi1/0/%d", 10100+port, port)
	add := func(kind, receiver, notification, text string) {
		l.seq++
		e := Event{Seq: l.seq, At: l.now, Kind: kind, Alarm: id, Rule: "InterfaceDown", Target: target, Resource: resource, Severity: "major", Receiver: receiver, Text: text,
			Labels: map[string]string{"ifIndex": fmt.Sprint(10100 + port), "ifName": fmt.Sprintf("Gi1/0/%d", port), "site": fmt.Sprintf("site-%d", device%40), "model": "c9300"}}
		if receiver != "" {
			e.Event, e.Notification, e.Tries, e.Millis = fmt.Sprintf("4a1c-41-%d", l.seq/3), notification, 1, float64(l.random.IntN(60_000))/1000
		}
		list = append(list, e)
		l.now = l.now.Add(time.Duration(l.random.IntN(2_000)) * time.Millisecond)
	}
	for _, step := range [][3]string{{Raised, "raise", "is down"}, {Cleared, "clear", "is up again"}} {
		add(step[0], "", "", fmt.Sprintf("Gi1/0/%d (user-%d) of %s %s", port, port, target, step[2]))
		add(Acknowledged, "nms-1", step[1], "")
		add(Acknowledged, "nms-2", step[1], "")
	}
	l.now = l.now.Add(46 * time.Second) // 10,000 entries a day
	return list, id
}

// year is a journal of a year, with 10,000 entries a day.
type year struct {
	journal *Journal
	ids     []string // of some of its alarms
	octets  int64    // on the disk
	opening time.Duration
}

func newYear(b *testing.B) *year {
	b.Helper()
	y := &year{}
	l := &lives{random: rand.New(rand.NewPCG(1, 2)), now: begin}
	o := Options{Dir: b.TempDir(), Logger: slog.New(slog.DiscardHandler), MaxAge: 400 * 24 * time.Hour, Now: func() time.Time { return l.now }}
	j, err := Open(o)
	if err != nil {
		b.Fatal(err)
	}
	for l.seq < entriesOfAYear {
		var batch []Event
		for len(batch) < 1000 {
			life, id := l.next()
			batch = append(batch, life...)
			if l.random.IntN(1000) == 0 {
				y.ids = append(y.ids, id)
			}
		}
		j.Add(batch, nil)
		if err := j.Flush(); err != nil {
			b.Fatal(err)
		}
	}
	files, _ := filepath.Glob(filepath.Join(o.Dir, "*"))
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			y.octets += info.Size()
		}
	}
	opened := time.Now()
	if y.journal, err = Open(o); err != nil {
		b.Fatal(err)
	}
	y.opening = time.Since(opened)
	return y
}

const entriesOfAYear = 3_650_000

// BenchmarkOneAlarmOfAYear finds the life of one alarm among the entries of a year.
func BenchmarkOneAlarmOfAYear(b *testing.B) {
	y := newYear(b)
	worst := time.Duration(0)
	b.ResetTimer()
	for i := range b.N {
		begin := time.Now()
		if got, err := y.journal.Query(b.Context(), Query{Alarm: y.ids[i%len(y.ids)], Limit: 1000}); err != nil || len(got) < 6 {
			b.Fatal(len(got), err)
		}
		worst = max(worst, time.Since(begin))
	}
	b.ReportMetric(worst.Seconds()*1000, "ms-worst")
	b.ReportMetric(float64(y.octets)/(1<<20), "MiB")
	b.ReportMetric(float64(y.octets)/entriesOfAYear, "octets/entry")
	b.ReportMetric(y.opening.Seconds()*1000, "ms-to-open")
}

// BenchmarkLabelsOfAYear searches all entries of a year for labels: a page of those that many have, and those that none has.
func BenchmarkLabelsOfAYear(b *testing.B) {
	y := newYear(b)
	for _, text := range []string{`site="site-7"`, `site=~"site-7|site-8"`, `ifName="none"`, `ifName=~"none|nothing"`, `site!~"site-.*"`, `target!~"access-.*"`, `alarm=~"none|nothing"`} {
		b.Run(text, func(b *testing.B) {
			m, err := mute.Parse(text)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := y.journal.Query(b.Context(), Query{Matchers: m, Limit: 100}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
