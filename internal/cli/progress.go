package cli

import (
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progressAfter is how long work goes on before its progress is shown.
const progressAfter = time.Second

// Progress shows on standard error how far long work has come, if that is a terminal.
type Progress struct {
	what  string
	total int
	start time.Time
	shown bool // it may be

	mu    sync.Mutex
	done  int
	bar   *progressbar.ProgressBar
	ended chan struct{}
}

// NewProgress begins work of so many parts, such as "polls"; -1 where nobody knows, 0 where none are counted.
func NewProgress(what string, total int) *Progress {
	p := &Progress{what: what, total: total, shown: term.IsTerminal(int(os.Stderr.Fd())), start: time.Now(), ended: make(chan struct{})}
	if p.shown {
		go p.turn()
	}
	return p
}

// NewProgressBeside is for work that prints results as they come: on a terminal they show how far it is.
func NewProgressBeside(what string, total int) *Progress {
	if term.IsTerminal(int(os.Stdout.Fd())) {
		return &Progress{ended: make(chan struct{})}
	}
	return NewProgress(what, total)
}

// turn shows that work goes on of which no part ends for long.
func (p *Progress) turn() {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.ended:
			return
		case <-tick.C:
			p.Add(0)
		}
	}
}

// Add notes that more parts are done.
func (p *Progress) Add(n int) {
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
		total := p.total
		if total == 0 {
			total = -1
		} else {
			options = append(options, progressbar.OptionShowCount())
		}
		p.bar = progressbar.NewOptions(total, options...)
		n = p.done
	}
	_ = p.bar.Add(n) // of which nothing comes on a terminal that is gone
}

// End takes the bar away.
func (p *Progress) End() {
	close(p.ended)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Finish()
		_ = p.bar.Clear()
	}
}
