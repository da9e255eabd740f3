package main

import (
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progressAfter is how long work goes on before its progress is shown.
const progressAfter = time.Second

// progress shows on standard error how far long work has come, if that is a terminal and shows nothing else.
type progress struct {
	what  string
	total int // -1 where nobody knows
	done  int
	start time.Time
	shown bool // it may be
	bar   *progressbar.ProgressBar
}

// newProgress begins work of so many parts, such as "modules"; a total of -1 is not known.
func newProgress(what string, total int) *progress {
	return &progress{what: what, total: total, start: time.Now(), shown: term.IsTerminal(int(os.Stderr.Fd()))}
}

// unlessPrinting shows nothing if results go to the same terminal.
func (p *progress) unlessPrinting() *progress {
	p.shown = p.shown && !term.IsTerminal(int(os.Stdout.Fd()))
	return p
}

// add notes that more parts are done.
func (p *progress) add(n int) {
	p.done += n
	if !p.shown {
		return
	}
	if p.bar != nil {
		_ = p.bar.Add(n) // a terminal that is gone
		return
	}
	if time.Since(p.start) < progressAfter {
		return
	}
	p.bar = progressbar.NewOptions(p.total, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription(p.what),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString(p.what), progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetElapsedTime(true))
	_ = p.bar.Set(p.done)
}

// end takes the bar away.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
		_ = p.bar.Clear()
	}
}
