package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"trapline/internal/access"
	"trapline/internal/runtimeconfig"
	"trapline/internal/setting"
)

// Exit statuses of the process, beside 0 for done or true.
const (
	ExitFailed      = 1   // asked for and not achieved
	ExitUsage       = 2   // wrong arguments, an unknown name, a file that cannot be read
	ExitNoServer    = 3   // no Trapline answers at --url
	ExitInterrupted = 130 // as shells have it for Ctrl-C
)

// Failure is an error with the exit status that it ends the process with.
type Failure struct {
	Status  int
	err     error // nil where the output has it
	unknown bool  // a name that a server does not know, and has no suggestion for
}

func (f *Failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("exit status %d", f.Status)
	}
	return f.err.Error()
}

func (f *Failure) Unwrap() error { return f.err }

// Usage marks an error as one of arguments. Nil stays nil.
func Usage(err error) error {
	if err == nil {
		return nil
	}
	return &Failure{Status: ExitUsage, err: err}
}

// Usagef returns an error of arguments.
func Usagef(format string, args ...any) error { return Usage(fmt.Errorf(format, args...)) }

// Failed is the end of a command that has printed why.
func Failed(is bool) error {
	if !is {
		return nil
	}
	return &Failure{Status: ExitFailed}
}

// ExitOf returns the exit status of an error of a command, and the text to print.
func ExitOf(ctx context.Context, err error) (status int, text string) {
	var (
		f        *Failure
		ofFile   *fs.PathError
		ofEngine *access.Error
		ofConfig *runtimeconfig.UnreadableError
	)
	switch {
	case err == nil:
		return 0, ""
	case ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.As(err, &ofEngine)):
		return ExitInterrupted, ""
	case errors.As(err, &f) && f.err == nil:
		return f.Status, ""
	case f != nil:
		return f.Status, err.Error()
	case errors.As(err, &ofConfig), errors.As(err, &ofFile):
		return ExitUsage, err.Error()
	}
	return ExitFailed, err.Error()
}

// DidYouMean is the end of a message about a name that is not known, or "".
func DidYouMean(name string, known []string) string {
	if question := setting.DidYouMean(name, known); question != "" {
		return "; " + question
	}
	return ""
}

// AsUnknown finds the error of a name that a server does not know and has no suggestion for.
func AsUnknown(err error, f **Failure) bool { return errors.As(err, f) && (*f).unknown }
