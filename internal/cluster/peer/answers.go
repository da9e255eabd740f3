package peer

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
)

// maxHeld bounds the octets of all answers together that are being read.
const maxHeld = 256 << 20

// answers are those that are being read: they are in memory until they are closed. Once they have maxHeld octets together, all but the
// oldest wait until others are closed. So each is read in the end, and a member with long answers delays others, and takes no more
// memory.
type answers struct {
	most int // maxHeld if it is 0

	mu      sync.Mutex
	held    int
	open    []*body       // the oldest first
	changed chan struct{} // closed when one is closed; nil: none waits
}

// body is that of an answer. Its octets are held until it is closed.
type body struct {
	io.ReadCloser
	ctx     context.Context // of the request
	answers *answers
	held    int
}

// hold counts the octets of an answer until its body is closed.
func (a *answers) hold(ctx context.Context, answer *http.Response) {
	b := &body{ReadCloser: answer.Body, ctx: ctx, answers: a}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open = append(a.open, b)
	answer.Body = b
}

func (b *body) Read(p []byte) (int, error) {
	if err := b.answers.await(b); err != nil {
		return 0, err
	}
	n, err := b.ReadCloser.Read(p)
	b.answers.mu.Lock()
	defer b.answers.mu.Unlock()
	b.held += n
	b.answers.held += n
	return n, err
}

// await waits until an answer may be read on.
func (a *answers) await(b *body) error {
	for {
		a.mu.Lock()
		if a.held < cmp.Or(a.most, maxHeld) || len(a.open) == 0 || a.open[0] == b {
			a.mu.Unlock()
			return nil
		}
		if a.changed == nil {
			a.changed = make(chan struct{})
		}
		changed := a.changed
		a.mu.Unlock()
		select {
		case <-changed:
		case <-b.ctx.Done():
			return context.Cause(b.ctx)
		}
	}
}

func (b *body) Close() error {
	a := b.answers
	a.mu.Lock()
	a.held -= b.held
	b.held = 0
	a.open = slices.DeleteFunc(a.open, func(other *body) bool { return other == b })
	if a.changed != nil {
		close(a.changed)
		a.changed = nil
	}
	a.mu.Unlock()
	return b.ReadCloser.Close()
}
