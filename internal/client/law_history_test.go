package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trapline/collector"
	simulator "trapline/internal/agent"
	"trapline/internal/client"
	"trapline/internal/corpus"
	"trapline/internal/history"
	"trapline/internal/poller"
)

// fewHistories and manyHistories are how many of the 1,209 devices are drawn: few in a common run, more in a long one.
const fewHistories, manyHistories = 4, 60

// The law of histories: over twenty polls of a device, with any changes of its rows and counters in
// between, a rate equals the increase of its own counter, or is absent. A long run uses all of the
// first recordings and a sample of the others; TRAPLINE_SEED=n draws the same sample again.
func TestLawOfHistories(t *testing.T) {
	onlyOnce(t)
	seed := uint64(1)
	if lawTrials(0) > 0 {
		seed = rand.Uint64() >> 1
	}
	if n, err := strconv.ParseUint(os.Getenv("TRAPLINE_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("TRAPLINE_SEED=%d", seed)
	share := uint64(4)
	if racing {
		share = 12
	}
	corpus.Each(t, "conformance", func(t *testing.T, dir string) {
		for name, r := range recordedDevices(t, dir) {
			if lawTrials(0) > 0 || hashOf(name)%share == 0 || dir == corpus.Own(t, "conformance") {
				tryHistories(t, name, r, seed)
			}
		}
	})
	t.Run("devices", func(t *testing.T) {
		for name, r := range sampledDevices(t, rand.New(rand.NewPCG(seed, 61))) {
			tryHistories(t, name, r, seed)
		}
	})
}

// sampledDevices draws some of many recordings.
func sampledDevices(t *testing.T, r *rand.Rand) map[string]*simulator.Recording {
	t.Helper()
	archive := corpus.Text(t, filepath.Join(corpus.Large(t, "devices"), "open.tar"))
	each := func(take func(name string, content io.Reader)) {
		err := corpus.Walk(archive, func(name string, content io.Reader) error {
			if filepath.Ext(name) == ".snmprec" {
				take(name, content)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	each(func(name string, _ io.Reader) { names = append(names, name) })
	wanted, most := map[string]bool{}, fewHistories
	if lawTrials(0) > 0 {
		most = manyHistories
	}
	for _, i := range r.Perm(len(names))[:min(most, len(names))] {
		wanted[names[i]] = true
	}
	found := map[string]*simulator.Recording{}
	each(func(name string, content io.Reader) {
		if wanted[name] {
			found[name], _ = simulator.ReadRecording(content)
		}
	})
	return found
}

func tryHistories(t *testing.T, device string, r *simulator.Recording, seed uint64) {
	t.Helper()
	for _, subject := range lawSubjects()[:2] { // automatic selection, and all built-in modules
		if only := os.Getenv("TRAPLINE_LAW"); only != "" && only != device+"@"+subject.name {
			continue
		}
		draw := rand.New(rand.NewPCG(seed, hashOf(device+"@"+subject.name)))
		objects := subject.relevant(lawObjects(r))
		var err error
		synctest.Test(t, func(*testing.T) { err = newHistoryTrial(draw, subject, objects).judge() })
		if err != nil {
			t.Errorf("TRAPLINE_LAW=%s@%s: %v", device, subject.name, err)
		}
	}
}

// historyTrial is twenty polls of a device.
type historyTrial struct {
	historyDevice *historyDevice
	target        *poller.Target
	keeper        *history.Store
	poller        *poller.Poller

	last   historySamples // of the last poll that was answered
	passes []*poller.Pass
	points map[pointKey][]float32 // the rates of each row so far, the newest last
	counts historyCounts
	log    []string
}

// historyCounts counts outcomes of polls.
type historyCounts struct{ down, reboots int64 }

const historyInterval = 5 * time.Minute

func newHistoryTrial(r *rand.Rand, subject *lawSubject, objects []lawObject) *historyTrial {
	w := &historyTrial{historyDevice: newHistoryDevice(r, subject, objects), keeper: history.NewStore(), points: map[pointKey][]float32{}}
	target, err := subject.target(client.Spec{Address: lawPeer.String(), Auth: w.historyDevice.agent.auth(0)}, client.Params{})
	if err != nil {
		panic(err)
	}
	w.target, target.Interval = target, historyInterval
	return w
}

// judge makes all polls, and reports the first after which anything is not as it must be.
func (w *historyTrial) judge() (err error) {
	carried := w.historyDevice.network.start()
	defer func() { _ = carried.Close() }()
	open := func(s client.Spec) (collector.Session, error) { return carried.Target(s) }
	options := poller.PassOptions{Open: open, WrapCounters: true, KeepIndexes: true}
	w.keeper.Configure(&history.Settings{Columns: w.drawColumns(options.Run(context.Background(), w.target, false))})
	w.poller = poller.New(poller.Options{PassOptions: options, Logger: slog.New(slog.DiscardHandler), Identify: true, History: w.keeper})
	w.poller.SetTargets([]*poller.Target{w.target})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- w.poller.Run(ctx) }()
	defer func() {
		cancel()
		err = errors.Join(err, <-ended)
	}()
	for n := 1; n <= lawPasses; n++ {
		d, _ := w.poller.Detail(w.target.Name)
		if n > 1 {
			time.Sleep(time.Until(d.Next) - time.Second)
			w.between(n)
			time.Sleep(time.Second)
		}
		time.Sleep(historyInterval / 3)
		if err := w.check(n); err != nil {
			return fmt.Errorf("poll %d: %w\n%s", n, err, strings.Join(w.log, "\n"))
		}
	}
	w.poller.SetTargets(nil)
	if left := w.keeper.Bytes(); left != 0 {
		return fmt.Errorf("%d octets of no target", left)
	}
	return nil
}

// quiet is how many polls there are before anything moves.
const quiet = 4

// between draws the events between two polls.
func (w *historyTrial) between(n int) {
	w.historyDevice.note = func(format string, args ...any) {
		w.log = append(w.log, fmt.Sprintf("before poll %d: ", n)+fmt.Sprintf(format, args...))
	}
	if n <= quiet {
		w.historyDevice.show()
		return
	}
	w.historyDevice.network.lose(0)
	if n == 9 || w.historyDevice.r.IntN(12) == 0 {
		w.historyDevice.restart()
	}
	for range w.historyDevice.r.IntN(4) {
		w.historyDevice.changeRow()
	}
	if w.historyDevice.r.IntN(4) > 0 {
		w.historyDevice.move()
	}
	if n == 12 || w.historyDevice.r.IntN(12) == 0 {
		w.historyDevice.note("the device is silent")
		w.historyDevice.network.lose(1)
	}
	w.historyDevice.show()
}
