package tools

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"trapline/internal/cli"
)

// maxAtOnce bounds the targets of one command that are asked at the same time.
const maxAtOnce = 64

// asking is the work of a command for one of its targets: f has no other. Results go to out.
type asking func(ctx context.Context, f *cli.ClientFlags, out io.Writer) error

// each has a command ask the targets of the flags, which stand with commas between them: all at the same time, or
// one after the other. Of several, the results come in the order of the targets, each under the name that it was
// given; errors go to standard error, and the command fails if one of them did.
func each(ctx context.Context, f *cli.ClientFlags, sequential bool, ask asking) error {
	hosts := strings.Split(*f.Host, ",")
	if slices.Contains(hosts, "") {
		return cli.Usagef("%q names an empty target: write HOST, or HOST,HOST", *f.Host)
	}
	if len(hosts) == 1 {
		return ask(ctx, f, os.Stdout)
	}
	answers := make([]<-chan grouped, len(hosts))
	room := make(chan struct{}, maxAtOnce)
	failed := 0
	begin := func(i int) {
		of := *f
		of.Host = &hosts[i]
		answers[i] = inBackground(func() (g grouped) {
			room <- struct{}{}
			defer func() { <-room }()
			g.err = ask(ctx, &of, &g.text)
			return g
		})
	}
	for i := range hosts {
		if !sequential {
			begin(i)
		}
	}
	for i, host := range hosts {
		if sequential {
			begin(i)
		}
		g := <-answers[i]
		if err := g.print(host, i == 0); err != nil {
			return err
		}
		if g.err != nil {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d targets failed", failed, len(hosts))
	}
	return nil
}

// grouped is the result of one target of several.
type grouped struct {
	text bytes.Buffer
	err  error
}

// print writes the results under the target's name, as head and tail do with several files.
func (g *grouped) print(name string, first bool) error {
	heading := "==> " + name + " <==\n"
	if !first {
		heading = "\n" + heading
	}
	_, errHeading := io.WriteString(os.Stdout, heading)
	_, errText := os.Stdout.Write(g.text.Bytes())
	if g.err != nil {
		fmt.Fprintln(os.Stderr, g.err)
	}
	return errors.Join(errHeading, errText)
}

// inBackground runs f in a goroutine of its own, and returns where its result arrives.
func inBackground[T any](f func() T) <-chan T {
	result := make(chan T, 1)
	go func() { result <- f() }()
	return result
}
