package main

import (
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progressAfter is how long work goes on before its progress is shown.
const progressAfter = time.Second

// progress shows on standard error how far long work has come, if that is a terminal.
type progress struct {
	what  string
	total int // -1 where nobody knows
	start time.Time
	shown bool // it may be

	mu    sync.Mutex
	done  int
	bar   *progressbar.ProgressBar
	ended chan struct{}
}

// newProgress begins work of so many parts, such as "modules"; a total of -1 is not known.
func newProgress(what string, total int) *progress {
	return &progress{what: what, total: total, start: time.Now(), shown: term.IsTerminal(int(os.Stderr.Fd())), ended: make(chan struct{})}
}

// unlessPrinting shows nothing if results go to a terminal: they show how far the work has come.
func (p *progress) unlessPrinting() *progress {
	p.shown = p.shown && !term.IsTerminal(int(os.Stdout.Fd()))
	return p
}

// spin shows that work of which no parts are counted goes on.
func (p *progress) spin() *progress {
	if !p.shown {
		return p
	}
	go func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-p.ended:
				return
			case <-tick.C:
				p.add(0)
			}
		}
	}()
	return p
}

// add notes that more parts are done.
func (p *progress) add(n int) {
	if !p.shown {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	if p.bar == nil && time.Since(p.start) < progressAfter {
		return
	}
	if p.bar == nil {
		options := []progressbar.Option{progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription(p.what),
			progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100 * time.Millisecond), progressbar.OptionSetElapsedTime(true), progressbar.OptionSetWidth(30)}
		if p.done > 0 {
			options = append(options, progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString(p.what))
		}
		p.bar = progressbar.NewOptions(p.total, options...)
		n = p.done
	}
	_ = p.bar.Add(n) // of which nothing comes on a terminal that is gone
}

// end takes the bar away.
func (p *progress) end() {
	close(p.ended)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Finish()
		_ = p.bar.Clear()
	}
}
