package main

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
	exitFailed      = 1   // asked for and not achieved
	exitUsage       = 2   // wrong arguments, an unknown name, a file that cannot be read
	exitNoServer    = 3   // no Trapline answers at --url
	exitInterrupted = 130 // as shells have it for Ctrl-C
)

// failure is an error with the exit status that it ends the process with.
type failure struct {
	status  int
	err     error // nil where what was printed says it all
	unknown bool  // a name that a server does not know, and has no suggestion for
}

func (f *failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("exit status %d", f.status)
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// usage marks an error as one of arguments. Nil stays nil.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &failure{status: exitUsage, err: err}
}

func usagef(format string, args ...any) error { return usage(fmt.Errorf(format, args...)) }

// failed is the end of a command that has printed why.
func failed(is bool) error {
	if !is {
		return nil
	}
	return &failure{status: exitFailed}
}

// exitOf gives the exit status of an error of a command, and what there is to print of it.
func exitOf(ctx context.Context, err error) (status int, text string) {
	var (
		f        *failure
		ofFile   *fs.PathError
		ofEngine *access.Error
		ofConfig *runtimeconfig.UnreadableError
	)
	switch {
	case err == nil:
		return 0, ""
	case ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.As(err, &ofEngine)):
		return exitInterrupted, ""
	case errors.As(err, &f) && f.err == nil:
		return f.status, ""
	case f != nil:
		return f.status, err.Error()
	case errors.As(err, &ofConfig), errors.As(err, &ofFile):
		return exitUsage, err.Error()
	}
	return exitFailed, err.Error()
}

// didYouMean is the end of a message about a name that is not known, or "".
func didYouMean(name string, known []string) string {
	if question := setting.DidYouMean(name, known); question != "" {
		return "; " + question
	}
	return ""
}

// asUnknown finds the error of a name that a server does not know and has no suggestion for.
func asUnknown(err error, f **failure) bool { return errors.As(err, f) && (*f).unknown }
