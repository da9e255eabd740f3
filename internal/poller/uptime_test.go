package poller

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"trapline/internal/series"
)

// uptimePass is a pass at a time that brings sysUpTime in hundredths of a second, times scale.
func uptimePass(at time.Time, uptime, scale float64) *Pass {
	desc := &series.Desc{Name: "sysUpTime", Object: sysUpTime, Scale: scale}
	if scale != 0 {
		uptime *= scale
	}
	column := series.Column{Desc: desc, Table: noLabels, Values: []float64{uptime}}
	return &Pass{Start: at, Sets: []*series.Set{{Columns: []series.Column{column}}}}
}

func TestReboots(t *testing.T) {
	for _, test := range []struct {
		name    string
		uptimes []float64 // a minute apart
		want    int64
	}{
		{"none", []float64{100, 6100, 12100}, 0},
		{"one", []float64{90000, 100, 6100}, 1},
		{"two", []float64{90000, 100, 50, 6050}, 2},
		{"two within a minute of uptime each", []float64{90000, 100, 3000}, 2},
		{"came round", []float64{uptimeModulus - 1000, 5000}, 0},
		{"not quite long enough to come round", []float64{uptimeModulus - 100_000, 5000}, 1},
		{"too little for having come round", []float64{uptimeModulus - 1000, 100}, 1},
		{"stands still", []float64{1234, 1234, 1234}, 0},
		{"an agent that counts slowly", []float64{100, 6000, 11900}, 0},
	} {
		for _, scale := range []float64{0, 0.01} {
			s := &state{}
			s.noteUptime(&Pass{})
			for i, v := range test.uptimes {
				s.noteUptime(uptimePass(time.Unix(int64(60*i), 0), v, scale))
			}
			if got := s.reboots.Load(); got != test.want {
				t.Errorf("%s: %d reboots, want %d", test.name, got, test.want)
			}
		}
	}
}

// Wherever an agent's uptime is, and however far polls are apart, each restart is seen, and nothing else is.
func TestEveryRestartIsSeen(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 3))
		s := &state{}
		now := time.Unix(1e9, 0)
		booted := now.Add(-time.Duration(r.Int64N(500*24)) * time.Hour)
		restarts, shown := int64(0), false
		for range 50 {
			apart := time.Duration(10+r.IntN(4000)) * time.Second
			now = now.Add(apart)
			if shown && apart > time.Minute && r.IntN(6) == 0 {
				booted = now.Add(-time.Duration(r.Int64N(int64(apart*9/10 - 20*time.Second))))
				restarts++
			}
			if r.IntN(5) > 0 || restarts == s.reboots.Load()+1 {
				ticks := float64(now.Sub(booted) / (10 * time.Millisecond))
				s.noteUptime(uptimePass(now.Add(time.Duration(r.IntN(1000))*time.Millisecond), math.Mod(ticks, uptimeModulus), 0))
				shown = true
			}
			if got := s.reboots.Load(); got != restarts {
				t.Fatalf("seed %d: %d restarts of %d", seed, got, restarts)
			}
		}
	}
}
