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
		e := Event{Seq: l.seq, At: l.now, Kind: kind, Alarm: id, Rule: "InterfaceDown", Target: target, Resource: resource, Severity: "major", Receiver: receiver, Text: text}
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

// BenchmarkOneAlarmOfAYear finds the life of one alarm among the entries of a year, 10,000 a day.
func BenchmarkOneAlarmOfAYear(b *testing.B) {
	dir := b.TempDir()
	l := &lives{random: rand.New(rand.NewPCG(1, 2)), now: begin}
	j, err := Open(Options{Dir: dir, Logger: slog.New(slog.DiscardHandler), MaxAge: 400 * 24 * time.Hour, Now: func() time.Time { return l.now }})
	if err != nil {
		b.Fatal(err)
	}
	var ids []string
	for l.seq < 3_650_000 {
		var batch []Event
		for len(batch) < 1000 {
			life, id := l.next()
			batch = append(batch, life...)
			if l.random.IntN(1000) == 0 {
				ids = append(ids, id)
			}
		}
		j.Add(batch, nil)
		if err := j.Flush(); err != nil {
			b.Fatal(err)
		}
	}
	size := int64(0)
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			size += info.Size()
		}
	}
	open := time.Now()
	again, err := Open(Options{Dir: dir, Logger: slog.New(slog.DiscardHandler), MaxAge: 400 * 24 * time.Hour, Now: func() time.Time { return l.now }})
	if err != nil {
		b.Fatal(err)
	}
	opened := time.Since(open)
	worst := time.Duration(0)
	b.ResetTimer()
	for i := range b.N {
		begin := time.Now()
		if got, err := again.Query(b.Context(), Query{Alarm: ids[i%len(ids)], Limit: 1000}); err != nil || len(got) < 6 {
			b.Fatal(len(got), err)
		}
		worst = max(worst, time.Since(begin))
	}
	b.ReportMetric(worst.Seconds()*1000, "ms-worst")
	b.ReportMetric(float64(size)/(1<<20), "MiB")
	b.ReportMetric(float64(size)/float64(l.seq), "octets/entry")
	b.ReportMetric(opened.Seconds()*1000, "ms-to-open")
}
