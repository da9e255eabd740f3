package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// View shows an answer of a server.
type View[T any] struct {
	Get    func(r *Remote, answer *T) (json.RawMessage, error) // reads the answer, and returns it as JSON too
	Print  func(p *Printer, r *Remote, answer *T) error        // prints it as a table or as CSV
	Note   func(answer *T) string                              // a line for standard error, "" for none; nil: never
	Failed func(answer *T) bool                                // reports whether the exit status is 1; nil: never
}

// Show reads the answer and prints it: as it arrived with -o json, else by Print.
func (v *View[T]) Show(server *ServerFlags, output *OutputFlags) error {
	return v.ShowBy(server, output.Printer())
}

// ShowBy is Show by a given printer.
func (v *View[T]) ShowBy(server *ServerFlags, p *Printer) error {
	r, err := server.Open()
	if err != nil {
		return err
	}
	var answer T
	if _, err := v.printOnce(r, p, &answer); err != nil {
		return err
	}
	v.note(&answer)
	return Failed(v.Failed != nil && v.Failed(&answer))
}

// Watch prints the answer again and again until ctx is done: on a terminal in place of the one before, else whenever it
// has changed.
func (v *View[T]) Watch(ctx context.Context, server *ServerFlags, output *OutputFlags, interval time.Duration) error {
	r, err := server.Open()
	if err != nil {
		return err
	}
	p := output.Printer()
	out := p.Out
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var shown []byte
	for {
		var b bytes.Buffer
		var answer T
		p.Out = &b
		raw, err := v.printOnce(r, p, &answer)
		if err != nil {
			return err
		}
		if p.Terminal {
			fmt.Fprintf(out, "\x1b[H\x1b[2J%s  every %s, Ctrl-C ends\n", time.Now().Format(time.TimeOnly), interval)
		}
		if p.Terminal || !bytes.Equal(raw, shown) {
			if _, err := b.WriteTo(out); err != nil {
				return err
			}
		}
		shown = raw
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// printOnce reads the answer, and prints it.
func (v *View[T]) printOnce(r *Remote, p *Printer, answer *T) (json.RawMessage, error) {
	raw, err := v.Get(r, answer)
	if err != nil {
		return nil, err
	}
	done, err := p.Data(raw)
	if err == nil && !done {
		err = v.Print(p, r, answer)
	}
	return raw, err
}

func (v *View[T]) note(answer *T) {
	if v.Note == nil {
		return
	}
	if text := v.Note(answer); text != "" {
		fmt.Fprintln(os.Stderr, text)
	}
}
