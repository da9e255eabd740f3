package tools

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"trapline/internal/varbind"
	"trapline/mibs"
)

// asker asks at the terminal for the values of objects. It is nil where there is none, or nobody is to be asked.
func (f *trapFlags) asker(ctx context.Context) varbind.Asker {
	if !f.mayAsk() || !term.IsTerminal(int(os.Stdin.Fd())) || !term.IsTerminal(int(os.Stderr.Fd())) {
		return nil
	}
	return askerOf(ctx, os.Stdin, os.Stderr)
}

// askerOf reads a line for each object. An empty one stands for the value that is offered.
func askerOf(ctx context.Context, in io.Reader, out io.Writer) varbind.Asker {
	type line struct {
		text string
		err  error
	}
	reader := bufio.NewReader(in)
	return func(o *mibs.Node, name, otherwise string) (string, error) {
		fmt.Fprintf(out, "%s, %s [%s]: ", name, syntaxText(o), otherwise)
		read := inBackground(func() (l line) {
			l.text, l.err = reader.ReadString('\n')
			return l
		})
		select {
		case l := <-read:
			if l.err == io.EOF {
				l.err = nil // the values that are offered are taken
			}
			return cmp.Or(strings.TrimSpace(l.text), otherwise), l.err
		case <-ctx.Done():
			return "", context.Canceled
		}
	}
}
