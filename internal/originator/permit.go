package originator

import (
	"context"
	"errors"
)

// Permit is asked before each message, and called at once after it.
type Permit struct {
	May  func() bool
	Sent func()
}

// ErrNotPermitted is the error of a notification that may not be sent, or not again.
var ErrNotPermitted = errors.New("it may not be sent now")

type permitKey struct{}

// WithPermit returns a context whose notifications need a permit.
func WithPermit(ctx context.Context, p *Permit) context.Context {
	return context.WithValue(ctx, permitKey{}, p)
}

// Permitted sends a message if it may be sent.
func Permitted(ctx context.Context, send func() error) error {
	p, ok := ctx.Value(permitKey{}).(*Permit)
	if !ok {
		return send()
	}
	if !p.May() {
		return ErrNotPermitted
	}
	err := send()
	p.Sent()
	return err
}
